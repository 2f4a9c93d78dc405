"""Plans of small shops, for tests."""

from dataclasses import replace

from habitue.simulation.plan import Plan, default_items, default_truth_days
from habitue.simulation.presets import PRESETS


def small_plan(users: int = 300, events: int = 20_000, **changes: object) -> Plan:
    """A shop of one block and one file, unless `changes` say otherwise."""
    like = PRESETS["taobao"]
    plan = Plan(
        users=users,
        events=events,
        like=like,
        seed=0,
        start="2023-01-01",
        days=365,
        items=default_items(events, like),
        bots=0.0,
        dirt=0.0,
        truth_days=default_truth_days(365),
        format="parquet",
    )
    return replace(plan, **changes)  # type: ignore[arg-type]
