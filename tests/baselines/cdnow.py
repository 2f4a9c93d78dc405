"""The CDNOW sample of Fader, Hardie and Lee (2005): 2,357 customers, 39 weeks and 39 weeks after.

The file is fixed-width: master id, sample id, date, CDs, dollars. Purchases of one day are one.
"""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

CUT = date(1997, 9, 30)  # the last day that is known
WEEKS_AHEAD = 39.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cdnow:
    """A row a customer; times in weeks."""

    frequency: Floats
    recency: Floats
    age: Floats
    mean_value: Floats  # dollars of a repeat purchase
    came: Floats  # purchases after the cut
    spent: Floats  # dollars after the cut


def cdnow_sample() -> Cdnow:
    """Return the sample, or skip the test where it is not at hand."""
    folder = os.environ.get("HABITUE_BENCHMARK_DATA")
    if folder is None:
        pytest.skip("HABITUE_BENCHMARK_DATA is not set: no CDNOW file")
    lines = pl.read_csv(
        Path(folder) / "cdnow" / "CDNOW_sample.txt.gz", has_header=False, new_columns=["line"]
    )
    part = pl.col("line").str.strip_chars().str.replace_all(" +", " ").str.split(" ")
    days = (
        lines.select(
            customer=part.list.get(1),
            day=part.list.get(2).str.to_date("%Y%m%d"),
            dollars=part.list.get(4).cast(pl.Float64),
        )
        .group_by("customer", "day")
        .agg(pl.col("dollars").sum())
    )
    known, first = pl.col("day") <= CUT, pl.col("day").min()
    again = known & (pl.col("day") > first)
    table = (
        days.group_by("customer")
        .agg(
            frequency=again.sum(),
            recency=(pl.col("day").filter(known).max() - first).dt.total_days() / 7,
            age=(pl.lit(CUT) - first).dt.total_days() / 7,
            mean_value=pl.col("dollars").filter(again).mean().fill_null(0.0),
            came=(~known).sum(),
            spent=pl.col("dollars").filter(~known).sum(),
        )
        .sort("customer")
    )
    return Cdnow(*(table[name].cast(pl.Float64).to_numpy() for name in table.columns[1:]))
