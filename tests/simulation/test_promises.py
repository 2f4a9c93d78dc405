"""What a made shop promises beyond numbers: seasons, campaigns, drift, persons who differ."""

import numpy as np
import polars as pl
import pytest

from habitue import metrics
from habitue.schema import DAY, parse_time
from habitue.simulation.assortment import make_catalogue
from habitue.simulation.catalogue import Catalogue
from habitue.simulation.seasons import make_calendar
from habitue.simulation.simulate import Simulated, simulate
from habitue.simulation.words import SEASONS
from tests.simulation.plans import small_plan


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """A year of 4,000 persons."""
    out = tmp_path_factory.mktemp("promises") / "shop"
    return simulate(out, users=4_000, events=300_000, seed=2)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    plan = small_plan(items=6_000)
    return make_catalogue(plan, make_calendar(plan))


def events_of(shop: Simulated) -> pl.DataFrame:
    """Events with the person, the date and the department."""
    whose = pl.read_parquet(shop.path / "truth" / "identities.parquet").unique("id", keep="first")
    return (
        pl.read_parquet(shop.path / "events-*.parquet")
        .with_columns(
            id=pl.coalesce("user_id", "anonymous_id"),
            date=pl.from_epoch(pl.col("timestamp"), "us").dt.date(),
            department=pl.col("item_category").str.split("/").list.first(),
        )
        .join(whose.select("id", "person_id"), on="id", how="left")
    )


@pytest.mark.parametrize("department", sorted(SEASONS))
def test_departments_sell_more_in_their_season(year: Simulated, department: str) -> None:
    views = events_of(year).filter(pl.col("event_type") == "view_item")
    in_season = (pl.col("date").dt.month() - 1).is_in(SEASONS[department])
    share = (pl.col("department") == department).mean()
    inside = views.filter(in_season).select(share).item()
    outside = views.filter(~in_season).select(share).item()
    # Twice as much of what follows no taste of a person's own, which is nearly half.
    assert inside > 1.15 * outside


def test_campaigns_lower_prices_and_bring_visits(year: Simulated) -> None:
    events = events_of(year)
    items = pl.read_parquet(year.path / "items.parquet").select("item_id", list_price="price")
    campaigns = pl.read_parquet(year.path / "truth" / "campaigns.parquet")
    per_day = events.group_by("date").len()
    inside = []
    for row in campaigns.iter_rows(named=True):
        days = pl.date_range(
            pl.lit(row["first_day"]).str.to_date(), pl.lit(row["last_day"]).str.to_date()
        )
        dates = pl.select(days).to_series()
        sold = events.filter(
            pl.col("date").is_in(dates.implode()),
            pl.col("department").is_in(row["departments"]),
            pl.col("event_type") == "view_item",
        ).join(items, on="item_id")
        off = 1 - sold["price"] / sold["list_price"]
        assert off.mean() == pytest.approx(row["discount"], abs=0.01)
        inside.append(per_day.filter(pl.col("date").is_in(dates.implode()))["len"].mean())
    assert len(inside) > 6
    assert np.mean(inside) > 1.15 * per_day["len"].mean()  # type: ignore[arg-type, operator]


def test_popularity_drifts_from_month_to_month(catalogue: Catalogue) -> None:
    first, last = catalogue.pool_start[0], catalogue.pool_start[1]
    old = [item for item in range(first, last) if catalogue.launch_day[item] < 0]
    place = [
        np.array([list(ranking[first:last]).index(item) for item in old])
        for ranking in catalogue.by_rank
    ]
    after = [metrics.spearman(place[0], place[month]) for month in (1, 3, 9)]
    assert 0.75 < after[0] < 0.999
    assert after[0] > after[1] > after[2] > 0.3


def test_new_items_come_in_high_and_calm_down(catalogue: Catalogue) -> None:
    def mean_place(months_later: int) -> float:
        places = []
        for pool, start in enumerate(catalogue.pool_start[:-1]):
            for item in range(start, catalogue.pool_start[pool + 1]):
                month = int(catalogue.launch_day[item] // 30) + 2 + months_later
                if catalogue.launch_day[item] > 0 and month < len(catalogue.by_rank):
                    size = catalogue.available[month, pool]
                    ranking = catalogue.by_rank[month, start : start + size]
                    places.append(float((ranking == item).argmax()) / size)
        return float(np.mean(places))

    assert mean_place(0) < 0.35
    assert mean_place(0) + 0.1 < mean_place(6)


def test_persons_differ_in_what_they_pay(year: Simulated) -> None:
    persons = pl.read_parquet(year.path / "truth" / "persons.parquet")
    items = pl.read_parquet(year.path / "items.parquet").with_columns(
        level=pl.col("price").rank().over("category") / pl.len().over("category")
    )
    views = events_of(year).filter(pl.col("event_type") == "view_item")
    levels = (
        views.join(items.select("item_id", "level"), on="item_id")
        .group_by("person_id")
        .agg(pl.col("level").mean(), views=pl.len())
        .filter(pl.col("views") >= 30)
        .join(persons, on="person_id")
    )
    assert levels.height > 500
    dear = levels["premium_share"].to_numpy()
    assert metrics.spearman(levels["level"].to_numpy(), dear) > 0.5


def test_persons_use_several_devices_and_platforms(year: Simulated) -> None:
    used = (
        events_of(year)
        .group_by("person_id")
        .agg(platforms=pl.col("platform").n_unique(), devices=pl.col("device_type").n_unique())
    )
    assert 0.3 < (used["platforms"] > 1).mean() < 0.95  # type: ignore[operator]
    assert 0.1 < (used["devices"] > 1).mean() < 0.95  # type: ignore[operator]


def test_customers_come_and_go(year: Simulated) -> None:
    persons = pl.read_parquet(year.path / "truth" / "persons.parquet")
    late = persons["arrived_at"] > parse_time("2024-01-01") + 90 * DAY
    gone = persons["gone_at"].is_not_null()
    assert 0.2 < late.mean() < 0.8  # type: ignore[operator]
    assert 0.1 < gone.mean() < 0.6  # type: ignore[operator]
    both = persons.drop_nulls(["faded_at", "gone_at"])
    assert (both["arrived_at"] <= both["faded_at"]).all()
    assert (both["faded_at"] <= both["gone_at"]).all()
