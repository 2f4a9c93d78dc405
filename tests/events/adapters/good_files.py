"""One small file of each layout, with nothing wrong in it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.events.adapters import (
    test_ga4,
    test_posthog,
    test_recbole,
    test_recsys2025,
    test_rees46,
    test_segment,
    test_sensors,
)
from tests.events.adapters.exports import flat, write_lines

RUDDER = {**test_segment.VIEW, "rudderId": "r", "context": {"library": {"name": "RudderLabs"}}}
GOOD: Mapping[str, Callable[[Path], Path]] = {
    "ga4": lambda folder: write_lines(
        folder / "ga4.json", test_ga4.event("page_view"), test_ga4.PURCHASE
    ),
    "segment": lambda folder: write_lines(folder / "calls.json", *test_segment.ALL),
    "rudderstack": lambda folder: write_lines(folder / "rudder.json", RUDDER),
    "posthog": lambda folder: write_lines(
        folder / "events.jsonl", test_posthog.VIEW, test_posthog.IDENTIFY, test_posthog.ORDER
    ),
    "sensors": lambda folder: write_lines(
        folder / "log.json", test_sensors.VIEW, test_sensors.SIGNUP, test_sensors.PAID
    ),
    "recbole": lambda folder: flat(
        folder / "ml.inter", test_recbole.INTER, ("1", "2", 3, 881250949), mark="\t"
    ),
    "rees46": lambda folder: flat(
        folder / "oct.csv", test_rees46.HEADER, test_rees46.VIEW, test_rees46.CART
    ),
    "recsys2025": lambda folder: test_recsys2025.write_files(folder)[0],
}
