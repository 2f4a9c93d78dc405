from dataclasses import replace
from typing import cast

import numpy as np
import polars as pl
import pytest

from habitue.answering import Embedder, Version, recounted
from habitue.baselines.popularity import Popularity
from habitue.compute import Silent
from habitue.model.inference import Network
from habitue.schema import DAY
from tests.late_log import LateLog, arriving
from tests.made_version import Unlearnt, made_version
from tests.shop import MemoryLog, make_shop

SHOP = make_shop(num_persons=40, days=90)
CUT = SHOP.start_at + 60 * DAY


@pytest.fixture(scope="module")
def version() -> Version:
    return made_version(MemoryLog(SHOP), as_of=CUT)


def embedder(log: MemoryLog, version: Version) -> Embedder:
    return Embedder(log, version.vocabulary, cast(Network, Unlearnt(1)))


def test_an_embedding_reads_what_was_known_at_the_moment(version: Version) -> None:
    moment = CUT - 20 * DAY
    late = pl.col("timestamp").is_between(moment - 5 * DAY, moment - 1)
    log = LateLog(arriving(SHOP, moment + DAY, which=late))
    known = SHOP.events.filter(~late, pl.col("timestamp") < moment, pl.col("subject_id") % 4 == 1)
    counts = known.group_by("subject_id").len().sort("subject_id")
    # The network that stands in says of everyone how many events it was shown.
    found = embedder(log, version)(counts["subject_id"].to_numpy(), as_of=moment, bucket=1)
    assert found[:, 0].tolist() == counts["len"].to_list()


def test_an_embedding_of_some_persons_is_theirs(version: Version) -> None:
    asked = np.array([5, 13], dtype=np.int64)
    found = embedder(MemoryLog(SHOP), version)(asked, as_of=CUT, bucket=1)
    past = SHOP.events.filter(pl.col("timestamp") < CUT)
    assert found[:, 0].tolist() == [(past["subject_id"] == one).sum() for one in asked]
    with pytest.raises(AssertionError, match="persons who are not in the bucket"):
        embedder(MemoryLog(SHOP), version)(np.array([6]), as_of=CUT, bucket=1)


def test_recounting_knows_everything_before_the_moment_and_nothing_from_it_on(
    version: Version,
) -> None:
    moment = CUT + 20 * DAY
    past = replace(SHOP, events=SHOP.events.filter(pl.col("timestamp") < moment))
    whole, early = (
        recounted(version, MemoryLog(shop), as_of=moment, progress=Silent())
        for shop in (SHOP, past)
    )
    assert sold(whole).tolist() == sold(early).tolist()
    week = past.events.filter(
        pl.col("timestamp") >= moment - 7 * DAY, pl.col("event_type") == "purchase"
    )
    assert sold(whole).sum() == week.select("subject_id", "item_number").n_unique()
    assert sold(whole).tolist() != sold(version.blend).tolist()
    assert whole.weights == version.blend.weights


def sold(blend: object) -> np.ndarray:
    parts = blend.components  # type: ignore[attr-defined]
    return next(part.recent_persons for part in parts if isinstance(part, Popularity))
