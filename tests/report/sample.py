"""A made-up shop's report with everything on it, and documents in the shapes of later stages."""

from dataclasses import dataclass, replace

import polars as pl

from habitue.report.data import (
    AdviceExample,
    AudienceSummary,
    ModelSummary,
    PersonEvent,
    PersonStory,
    ReportData,
    SegmentSummary,
)
from habitue.report.documents import Advice, Alert, Evaluation, Profile
from habitue.report.shop import shop_statistics
from habitue.schema import DAY, EVENT_TYPE, MINUTE, Task
from tests.shop import START_AT, MemoryLog, Shop, make_shop

NAMES = (
    "Two-person tent 'Fjell'", "Sleeping bag, three seasons", "Gas stove", "Head torch",
    "Camping chair", "Enamel mug", "Water filter", "Folding table", "Down jacket", "Tarp 3×4 m",
    "Fly rod 9 ft", "Reel", "Waders", "Lure set", "Landing net", "Line 0.25 mm", "Tackle box",
    "Fishing vest", "Hook assortment", "Bait bucket",
    "Cast-iron pan", "Chef's knife", "Coffee grinder", "Tea pot", "Cutting board", "Mixing bowl",
    "Apron", "Pepper mill", "Measuring spoons", "Bread tin",
    "Secateurs", "Watering can", "Seed tray", "Bird feeder", "Garden gloves", "Wheelbarrow",
    "Hose 25 m", "Rake", "Plant labels", "Compost bin",
    "Jigsaw 1000 pieces", "Wooden cube", "Tangram", "Mechanical bank", "Brain teaser",
    "Map of Europe", "3D castle", "Marble run", "Sudoku book", "Puzzle mat",
    "Chess set", "Card game", "Dominoes", "Dice tower", "Word game", "Co-op adventure",
    "Backgammon", "Memory", "Quiz box", "Travel ludo",
)  # fmt: skip

TASKS = [
    Task("purchase_7d", "event", horizon_days=7),
    Task("purchase_30d", "event", horizon_days=30),
    Task("churn_90d", "no_event", horizon_days=90),
    Task("value_90d", "sum", horizon_days=90),
    Task("next_category", "next", target="category"),
    Task("next_event", "next", target="event_type"),
]


def growing_shop(num_persons: int = 150, days: int = 300, seed: int = 1) -> Shop:
    """The made-up shop with newcomers every week, carts between views and purchases, and names."""
    shop = make_shop(num_persons, days, seed)
    arrival = START_AT + pl.col("subject_id") * (0.8 * days / num_persons * DAY)
    events = shop.events.filter((pl.col("timestamp") >= arrival) | (pl.col("subject_id") < 20))
    is_cart = (pl.col("event_type") == "view_item") & (pl.col("event_key") % 5 < 2)
    carts = events.filter(is_cart).with_columns(
        event_type=pl.lit("add_to_cart", dtype=EVENT_TYPE),
        timestamp=pl.col("timestamp") + MINUTE // 4,
        event_key=pl.col("event_key") + 10_000_000,
    )
    events = pl.concat([events, carts]).sort("subject_id", "timestamp", "event_key")
    items = shop.items.with_columns(name=pl.Series(NAMES))
    return replace(shop, events=events, items=items)


def evaluation_document() -> dict[str, object]:
    """What `evaluate --json` prints."""
    chance = {"auc": 0.5, "log_loss": 0.61, "brier": 0.21, "lift@10%": 1.0, "ece": 0.012}

    def task(auc: float, lift: float, rate: float, gain: list[float]) -> dict[str, object]:
        rates = [min(lift * rate * 0.72**n, 0.97) for n in range(10)]
        return {
            "metrics": {
                "auc": auc, "pr_auc": 0.71, "log_loss": 0.48, "brier": 0.16, "ece": 0.018,
                "lift@10%": lift,
            },
            "baselines": {
                "base_rate": chance,
                "recency": {"auc": auc - 0.09, "log_loss": 0.55, "lift@10%": lift - 0.9},
                "rfm_logistic": {"auc": auc - 0.041, "log_loss": 0.515, "lift@10%": lift - 0.5},
                "rfm_boosted": {"auc": auc - 0.024, "log_loss": 0.504, "lift@10%": lift - 0.3},
            },
            "n": 2143,
            "base_rate": rate,
            "best_baseline": "rfm_boosted",
            "difference": {"mean": sum(gain) / 2, "interval": gain},
            "reliability": {
                "predicted": [0.03 + 0.09 * n for n in range(10)],
                "observed": [max(0.03 + 0.09 * n + (-1) ** n * 0.012, 0) for n in range(10)],
                "count": [400 - 36 * n for n in range(10)],
            },
            "deciles": [{"predicted": r, "observed": r, "count": 214} for r in rates],
        }  # fmt: skip

    return {
        "tasks": {
            "purchase_7d": task(0.782, 3.4, 0.212, [0.011, 0.037]),
            "churn_90d": task(0.741, 2.6, 0.31, [-0.006, 0.013]),
            "value_90d": {
                "metrics": {"mae": 21.4, "rmse": 44.0, "spearman": 0.52, "gini": 0.61},
                "baselines": {
                    "mean": {"mae": 35.2, "rmse": 58.0, "spearman": 0.0, "gini": 0.0},
                    "recent_spend": {"mae": 25.0, "rmse": 51.0, "spearman": 0.47, "gini": 0.56},
                },
                "n": 2143,
                "base_rate": 48.1,
                "reliability": {},
                "deciles": [
                    {"predicted": 150 * 0.7**n, "observed": 140 * 0.71**n, "count": 214}
                    for n in range(10)
                ],
            },
            "next_category": {
                "metrics": {"accuracy": 0.57, "hit_rate@3": 0.81, "mrr": 0.71, "log_loss": 1.54},
                "baselines": {
                    "popularity": {"accuracy": 0.41, "hit_rate@3": 0.7, "log_loss": 1.9},
                    "last": {"accuracy": 0.45, "hit_rate@3": 0.72, "log_loss": 2.1},
                },
                "n": 1989,
                "base_rate": 0.41,
            },
            "next_event": {"metrics": {"accuracy": 1.0}, "n": 1989, "base_rate": 1.0},
            "value_365d": {
                "metrics": {},
                "baselines": {},
                "n": 0,
                "reason": "the log ends less than 365 days after the cut; the outcome is not "
                "known yet",
            },
        },
        "recommendation": {
            "metrics": {
                "hit_rate@10": 0.412, "recall@10": 0.187, "ndcg@10": 0.161, "coverage@10": 0.83,
            },
            "interval": {"hit_rate@10": [0.391, 0.433], "ndcg@10": [0.152, 0.170]},
            "baselines": {
                "popularity_7d": {
                    "hit_rate@10": 0.241, "recall@10": 0.094, "ndcg@10": 0.081,
                    "coverage@10": 0.17,
                },
                "cooccurrence": {
                    "hit_rate@10": 0.334, "recall@10": 0.148, "ndcg@10": 0.127,
                    "coverage@10": 0.71,
                },
                "personal_frequency": {
                    "hit_rate@10": 0.371, "recall@10": 0.166, "ndcg@10": 0.149,
                    "coverage@10": 0.79,
                },
                "network": {
                    "hit_rate@10": 0.389, "recall@10": 0.175, "ndcg@10": 0.151,
                    "coverage@10": 0.75,
                },
            },
            "best_baseline": "personal_frequency",
            "difference": {"metric": "ndcg@10", "mean": 0.012, "interval": [0.005, 0.019]},
            "discovery": {
                "metrics": {"hit_rate@10": 0.187},
                "baselines": {
                    "popularity_7d": {"hit_rate@10": 0.121},
                    "cooccurrence": {"hit_rate@10": 0.153},
                    "network": {"hit_rate@10": 0.181},
                },
                "n": 1804,
            },
            "n": 2143,
            "protocol": "Everything before 2024-09-01 was known; a hit is a purchase in the 30 "
            "days after. All items compete.",
        },
    }  # fmt: skip


def profile_document(user_id: str, segment: str, chance: float) -> dict[str, object]:
    """What `profile --json` prints."""
    return {
        "user_id": user_id,
        "person_id": user_id,
        "as_of": "2024-10-01T00:00:00Z",
        "model_version": "2024-10-01-a1b2c3",
        "segment": segment,
        "data_sufficiency": "ok" if chance > 0.2 else "limited",
        "facts": {
            "first_seen": "2024-01-03T10:00:00Z",
            "last_seen": "2024-09-27T18:20:00Z",
            "events": 214,
            "sessions": 61,
            "orders": 38,
            "recency_days": 3.2,
            "usual_gap_days": 6.0,
            "revenue": 1284.5,
            "monetary": 33.8,
            "refunds": 0.0,
            "distinct_items": 41,
            "favourite_weekday": "Thursday",
            "favourite_hour": 18,
            "is_bot": False,
        },
        "tags": [
            {
                "name": "category: outdoor/camping",
                "kind": "category",
                "weight": 0.81,
                "evidence": [
                    {
                        "event_id": "e1",
                        "timestamp": "2024-09-27T18:20:00Z",
                        "text": "bought 'Gas stove' on 2024-09-27",
                    },
                    {
                        "event_id": "e2",
                        "timestamp": "2024-09-12T18:20:00Z",
                        "text": "viewed 'Two-person tent' on 2024-09-12",
                    },
                ],
                "first_seen": "2024-01-03T10:00:00Z",
                "last_seen": "2024-09-27T18:20:00Z",
            },
            {
                "name": "time: evenings",
                "kind": "time",
                "weight": 0.44,
                "evidence": [],
                "first_seen": None,
                "last_seen": None,
            },
        ],
        "interests": {"categories": [], "brands": [], "items": []},
        "predictions": {
            "purchase_7d": {
                "probability": chance,
                "interval": [max(chance - 0.12, 0), min(chance + 0.1, 1)],
                "percentile": 100 * chance,
                "base_rate": 0.212,
                "calibrated": True,
                "data_sufficiency": "ok",
            },
            "churn_90d": {
                "probability": 1 - chance,
                "interval": [0.9 - chance, 1.0],
                "percentile": 100 - 100 * chance,
                "base_rate": 0.31,
                "calibrated": True,
                "data_sufficiency": "ok",
            },
            "value_90d": {
                "value": 12.0,
                "expected": 48.1 * 2 * chance,
                "interval": [0.0, 210.0 * chance],
                "percentile": 90 * chance,
                "base_rate": 48.1,
                "calibrated": True,
                "data_sufficiency": "ok" if chance > 0.2 else "limited",
            },
            "next_category": {
                "answer": "outdoor/camping",
                "probability": 0.46,
                "base_rate": 0.3,
                "answers": [
                    {"name": "outdoor/camping", "probability": 0.46, "base_rate": 0.3},
                    {"name": "home/kitchen", "probability": 0.2, "base_rate": 0.25},
                    {"name": "toys/games", "probability": 0.1, "base_rate": None},
                ],
                "calibrated": False,
                "data_sufficiency": "ok",
                "when": {
                    "median_days": 4.21,
                    "low_days": 0.88,
                    "high_days": 21.3,
                    "chance_7d": 0.64,
                    "chance_30d": 0.97,
                    "reach_days": 90.0,
                },
            },
        },
    }


def events_of(shop: Shop, subject_id: int) -> list[PersonEvent]:
    """A person's events as the report draws them."""
    frame = shop.events.filter(pl.col("subject_id") == subject_id).join(
        shop.items.select("item_number", "name"), on="item_number", how="left"
    )
    rows = frame.select("timestamp", pl.col("event_type").cast(pl.String), "name").iter_rows()
    return [PersonEvent(at, kind, name) for at, kind, name in rows]


def advice(*numbers: int) -> list[Advice]:
    """Items to offer, with reasons."""
    reasons = (
        "goes with “Gas stove”, bought on 27 September",
        "bought again about every six weeks",
        "liked by people with the same interests",
        "new in a favourite category",
    )
    return [
        Advice.from_json(
            {
                "item_id": f"P{number:03d}",
                "name": NAMES[number],
                "score": 0.1,
                "source": "network",
                "reason": reasons[place % len(reasons)],
            }
        )
        for place, number in enumerate(numbers)
    ]


@dataclass(frozen=True)
class Sample:
    """The shop and its report."""

    shop: Shop
    report: ReportData


def sample(num_persons: int = 150, days: int = 300, currency: str = "GBP") -> Sample:
    """A report with all sections."""
    shop = growing_shop(num_persons, days)
    log = MemoryLog(shop)
    stats = shop_statistics(log, as_of=log.end_at)
    busiest = shop.events["subject_id"].value_counts(sort=True)["subject_id"].to_list()
    stories = [
        PersonStory(
            "champion",
            Profile.from_json(profile_document("u0017", "champion", 0.71)),
            events_of(shop, busiest[0]),
            advice(2, 1, 6, 9),
        ),
        PersonStory(
            "slipping",
            Profile.from_json(profile_document("u0102", "slipping away", 0.23)),
            events_of(shop, busiest[40]),
            advice(20, 22, 3),
        ),
        PersonStory(
            "newcomer",
            Profile.from_json({**profile_document("u0599", "new", 0.11), "tags": []}),
            events_of(shop, busiest[-1]),
            advice(40, 50),
        ),
    ]
    alerts = [
        Alert.from_json(
            {
                "user_id": f"u{number:04d}",
                "probability": 0.93 - 0.02 * number,
                "value_at_risk": 412.0 - 21 * number,
                "reasons": [
                    f"Quiet for {61 + number} days; used to come every {5 + number % 4} days",
                    "Ordered half as often as in the quarter before",
                ],
            }
        )
        for number in range(18)
    ]
    total = stats.sales.revenue if stats.sales and stats.sales.revenue else 0.0
    parts = [
        (
            "champion",
            "Comes back in rhythm and spends more than four out of five buyers.",
            12,
            0.41,
        ),
        ("regular", "Comes back in rhythm, often enough to be counted on.", 21, 0.27),
        ("promising", "Has come back and is in rhythm, but has bought only a few times.", 17, 0.1),
        ("slipping away", "Is much later than this person ever was.", 14, 0.16),
        ("lost", "Has stayed away so long that a return would be a surprise.", 24, 0.05),
        ("visitor", "Looks around but has not bought yet.", 12, 0.0),
    ]
    report = ReportData(
        shop_name="Fjord & Garden",
        currency=currency,
        generated_at=log.end_at + DAY // 8,
        as_of=log.end_at,
        fingerprint="9f2c1e77ab04",
        habitue_version="0.1.0",
        statistics=stats,
        model=ModelSummary(
            version="2024-10-01-a1b2c3",
            architecture="transformer, small",
            parameters=482_304,
            trained_until=log.end_at - 30 * DAY,
            seconds=312.0,
            learning=[
                {
                    "epoch": float(n),
                    "train_loss": 3.1 * 0.86**n + 1.4,
                    "valid_ndcg@10": 0.16 * (1 - 0.62**n),
                }
                for n in range(1, 9)
            ],
            best_epoch=7,
            choices=[
                "Recommendations: a blend of own favourites (45 %), the behaviour model (35 %) and "
                "what goes together (20 %), chosen on the four weeks before the test.",
                "Predictions use plain features plus the behaviour model's vector where that was "
                "better on validation: purchases within 7 days yes, leaving no.",
            ],
            records=["purchase_7d: plain features ship."],
        ),
        evaluation=Evaluation.from_json(evaluation_document()),
        tasks=TASKS,
        segments=[
            SegmentSummary(name, round(stats.num_persons * share / 100), total * worth, sentence)
            for name, sentence, share, worth in parts
        ],
        stories=stories,
        churn_task="churn_90d",
        alerts=alerts,
        num_alerts=57,
        examples=[
            AdviceExample(
                f"u{n:04d}", "Bought “Gas stove” on 27 September", advice(n, n + 9, n + 21)
            )
            for n in range(3)
        ],
        audiences=[
            AudienceSummary(
                "Likely buyers this week",
                "Will buy within 7 days with at least 50 %.",
                41,
                'habitue audience "purchase_7d >= 0.5" --out likely-buyers.csv',
                3210.0,
            ),
            AudienceSummary(
                "Campers to win back",
                "Like camping, were champions or regulars, quiet for longer than usual.",
                12,
                "habitue audience \"segment == 'slipping away' and tag 'category: camping'\""
                " --out campers.csv",
            ),
        ],
        commands=[
            "habitue init --from export.csv",
            "habitue ingest export.csv",
            "habitue train",
            "habitue evaluate",
            "habitue refresh",
            "habitue report",
        ],
        unanswered={"purchase_365d": "the log spans 300 days; a horizon of 365 needs 1460"},
        workspace=" -w /srv/fjord",
    )
    return Sample(shop, report)
