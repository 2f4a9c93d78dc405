"""The words of the made-up shop: departments, categories, brands, campaigns, searches.

Knows nothing about numbers of items or persons.
"""

from typing import Final

DEPARTMENTS: Final[dict[str, tuple[str, ...]]] = {
    "electronics": ("phones", "laptops", "headphones", "cameras", "televisions"),
    "home": ("kitchen", "bedding", "lighting", "storage", "furniture"),
    "fashion": ("dresses", "shirts", "shoes", "jackets", "bags"),
    "beauty": ("skincare", "makeup", "perfume", "haircare", "nails"),
    "sport": ("running", "cycling", "fitness", "football", "swimming"),
    "outdoor": ("camping", "hiking", "fishing", "climbing", "boating"),
    "toys": ("puzzles", "games", "dolls", "blocks", "models"),
    "baby": ("strollers", "feeding", "nappies", "sleepwear", "safety"),
    "grocery": ("coffee", "tea", "snacks", "spices", "wine"),
    "garden": ("plants", "tools", "barbecues", "pots", "seeds"),
    "pets": ("dogs", "cats", "birds", "aquariums", "rodents"),
    "books": ("novels", "cookbooks", "travel", "comics", "textbooks"),
}
STYLES: Final = (
    "everyday", "compact", "classic", "family", "gift", "seasonal",
    "luxury", "organic", "vintage", "sturdy", "travel", "junior",
)  # fmt: skip
TIERS: Final = ("budget", "middle", "premium")
_SYLLABLES: Final = (
    ("al", "bor", "cas", "del", "el", "fen", "gra", "hul", "im", "jor", "kal", "lum", "mar", "nor"),
    ("a", "be", "di", "go", "la", "mi", "no", "ra", "ti", "vo"),
    ("dan", "fix", "gen", "lux", "mo", "na", "ris", "sen", "ta", "ven"),
)
MAX_BRANDS: Final = 14 * 10 * 10
CAMPAIGN_WORDS: Final = (
    "new-year-sale", "winter-clearance", "spring-start", "easter-week", "may-days", "summer-start",
    "mid-year-sale", "holiday-deals", "back-to-school", "autumn-days", "singles-day", "advent",
)  # fmt: skip
QUERY_FORMS: Final = ("{style} {category}", "{category}", "cheap {category}", "best {category}")
# Months of the year, 0 to 11, in which a department sells twice as much.
SEASONS: Final[dict[str, tuple[int, ...]]] = {
    "garden": (2, 3, 4, 5),
    "outdoor": (4, 5, 6, 7),
    "sport": (0, 4, 5),
    "toys": (10, 11),
    "electronics": (10, 11),
    "fashion": (2, 3, 8, 9),
    "beauty": (1, 11),
    "books": (7, 8, 11),
}


def brand_name(number: int) -> str:
    """Return a made-up brand, another for each number below `MAX_BRANDS`.

    >>> brand_name(0), brand_name(1399)
    ('Aladan', 'Norvoven')
    """
    first, second, third = _SYLLABLES
    number, at = divmod(number, len(first))
    start = first[at]
    number, at = divmod(number, len(second))
    return (start + second[at] + third[number]).capitalize()


def leaf_names() -> list[tuple[str, str, str]]:
    """Return department, category and style of every leaf category; any first few are varied."""
    return [
        (department, categories[place], style)
        for style in STYLES
        for place in range(5)
        for department, categories in DEPARTMENTS.items()
    ]
