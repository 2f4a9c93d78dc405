"""A log that tells late arrivals and bots apart, as the store does: known only from when on."""

from dataclasses import dataclass, replace

import polars as pl

from habitue.events.bots import flag_bots
from tests.shop import MemoryLog, Shop


@dataclass(frozen=True)
class LateLog(MemoryLog):
    """Read as of a moment, it holds what had arrived by then; bots are those known by then."""

    events_per_day: int = 1000

    def read_bucket(
        self, bucket: int, *, as_of: int | None = None, subject_id: int | None = None
    ) -> pl.DataFrame:
        frame = super().read_bucket(bucket, as_of=as_of, subject_id=subject_id)
        if as_of is not None:
            frame = frame.filter(pl.col("received_at") <= as_of)
        return flag_bots(frame, events_per_day=self.events_per_day)


def arriving(shop: Shop, at: int, *, which: pl.Expr) -> Shop:
    """The same shop, some of its events arriving only at this moment."""
    received = pl.when(which).then(pl.lit(at)).otherwise("received_at")
    return replace(shop, events=shop.events.with_columns(received_at=received))


def with_burst(shop: Shop, subject: int, at: int, *, count: int) -> Shop:
    """The same shop with so many more views of one person within a few seconds."""
    row = shop.events.filter(pl.col("subject_id") == subject).head(1)
    burst = pl.concat([row] * count).with_columns(
        timestamp=at + pl.int_range(pl.len()), received_at=at + pl.int_range(pl.len())
    )
    events = pl.concat([shop.events, burst]).sort("subject_id", "timestamp", maintain_order=True)
    return replace(shop, events=events)
