from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from habitue.baselines.lifetime import fit_lifetime
from habitue.compute import Silent
from habitue.profiles import samples
from habitue.profiles.cuts import training_cuts
from habitue.profiles.features import build_features
from habitue.profiles.labels import build_labels
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.samples import (
    FEATURE_COLUMNS,
    CutSample,
    asked_days,
    awaited_of_task,
    collect_samples,
    feature_matrix,
    labelled_until,
    lifetime_matrix,
    rfm_columns,
    rfm_matrix,
    rows_of_task,
    usual_delay,
)
from habitue.profiles.task_evaluation import judge_tasks
from habitue.profiles.tasks import ResolvedTask
from habitue.schema import DAY, HOUR, Task
from tests.late_log import LateLog, arriving, with_burst
from tests.shop import MemoryLog, make_shop

TASK = Task("p", "event", horizon_days=20, active_days=60)
SHOP = make_shop(num_persons=80, days=120)
UNTIL = SHOP.start_at + 100 * DAY
CUTS = {"p": (SHOP.start_at + 40 * DAY, SHOP.start_at + 80 * DAY)}


RHYTHM = Task("own", "no_event", horizon_days=20, active_days=60, rhythm=2.0)


def stays_away(log: MemoryLog, cut: int) -> dict[int, float]:
    """What `RHYTHM` asks, counted person by person."""
    bought = log.shop.events.filter(pl.col("event_type") == "purchase")
    times = {
        person: rows["timestamp"].to_numpy() for (person,), rows in bought.group_by("subject_id")
    }
    days = {one: len(set(found[found < cut] // DAY)) for one, found in times.items()}
    again = {one: np.ptp(times[one][times[one] < cut]) / DAY for one in times if days[one] > 1}
    usual = float(np.median([span / (days[one] - 1) for one, span in again.items()]))
    found = {}
    for one, own in times.items():
        if not np.any((own < cut) & (own >= cut - 60 * DAY)):
            continue
        pause = again[one] / (days[one] - 1) if one in again else usual
        pause = np.exp(((days[one] - 1) * np.log(pause) + np.log(usual)) / days[one])
        until = cut + min(max(2 * pause, 1), 20) * DAY
        found[one] = float(not np.any((own >= cut) & (own < until)))
    return found


def own_rhythms(log: MemoryLog) -> tuple[CutSample, ...]:
    cuts = {"own": CUTS["p"]}
    return collect_samples(
        log, [RHYTHM], cuts=cuts, train_until=UNTIL, embed=None, progress=Silent()
    )


def test_each_is_asked_by_the_rhythm_known_at_the_cut() -> None:
    log = MemoryLog(SHOP)
    for sample in own_rhythms(log)[:-1]:
        labels = dict(zip(sample.subject_ids.tolist(), sample.labels["own"], strict=True))
        labels = {one: label for one, label in labels.items() if not np.isnan(label)}
        assert labels == stays_away(log, sample.as_of)
        assert 0 < sum(labels.values()) < len(labels)


def test_the_rhythm_is_judged_as_it_was_learnt() -> None:
    log, cut = MemoryLog(SHOP), SHOP.start_at + 98 * DAY
    model = fit_tasks(log, [ResolvedTask(RHYTHM, "ok")], train_until=cut).models["own"]
    judged = judge_tasks(log, {"own": model}, cuts=[cut])["own"]
    assert dict(zip(judged.persons.tolist(), judged.truth, strict=True)) == stays_away(log, cut)


def test_the_future_moves_nobodys_rhythm() -> None:
    after = pl.col("timestamp") >= CUTS["p"][1]
    sooner = CUTS["p"][1] + (pl.col("timestamp") - CUTS["p"][1]) // 9
    copies = SHOP.events.filter(after).with_columns(timestamp=sooner, received_at=sooner)
    both = pl.concat([SHOP.events, copies]).sort("subject_id", "timestamp", "event_key")
    plain = own_rhythms(MemoryLog(SHOP))[1]
    changed = own_rhythms(MemoryLog(replace(SHOP, events=both)))[1]
    days, moved = (asked_days(RHYTHM, one.lifetime, one.features) for one in (plain, changed))
    np.testing.assert_array_equal(days, moved)
    assert np.ptp(days) > 5
    assert not np.array_equal(plain.labels["own"], changed.labels["own"], equal_nan=True)


def embed(
    subject_ids: npt.NDArray[np.int64], *, as_of: int, bucket: int
) -> npt.NDArray[np.float32]:
    """A vector that names its person and moment."""
    return np.column_stack([subject_ids, np.full(len(subject_ids), as_of / DAY)]).astype(np.float32)


def test_rows_embeddings_and_labels_belong_to_the_same_person_and_moment() -> None:
    found = collect_samples(
        MemoryLog(SHOP), [TASK], cuts=CUTS, train_until=UNTIL, embed=embed, progress=Silent()
    )
    assert [one.as_of for one in found] == [*CUTS["p"], UNTIL]
    rows = rows_of_task(found[:-1], TASK)
    assert rows.embeddings is not None
    assert rows.embeddings[:, 0] == pytest.approx(rows.subject_ids)
    assert rows.embeddings[:, 1] == pytest.approx(rows.cuts / DAY, rel=1e-6)
    bought = SHOP.events.filter(pl.col("event_type") == "purchase")
    for person, cut, label in zip(
        rows.subject_ids[:50].tolist(), rows.cuts[:50].tolist(), rows.labels[:50], strict=True
    ):
        own = bought.filter(pl.col("subject_id") == person)["timestamp"]
        assert bool(own.is_between(cut, cut + 20 * DAY - 1).any()) == (label == 1)


def test_what_lifetime_models_tell_is_of_the_moment_of_the_row() -> None:
    found = collect_samples(
        MemoryLog(SHOP), [TASK], cuts=CUTS, train_until=UNTIL, embed=None, progress=Silent()
    )
    rows = rows_of_task(found[:-1], TASK)
    for cut in CUTS["p"]:
        past = SHOP.events.filter(pl.col("timestamp") < cut)
        features = build_features(past, SHOP.items, as_of=cut)
        known = feature_matrix(features)
        lifetime = fit_lifetime(lifetime_matrix(known))
        assert lifetime is not None
        chance = lifetime.return_chance(lifetime_matrix(known), days=20)
        at_cut = rows.cuts == cut
        place = np.searchsorted(features["subject_id"].to_numpy(), rows.subject_ids[at_cut])
        assert rows.columns(["return_chance"])[at_cut, 0] == pytest.approx(
            chance[place], rel=1e-5, nan_ok=True
        )
        assert 0 < np.nanmean(chance) < 1


def test_the_population_to_be_scored_has_no_future() -> None:
    found = collect_samples(
        MemoryLog(SHOP), [TASK], cuts=CUTS, train_until=UNTIL, embed=None, progress=Silent()
    )
    rows = rows_of_task(found[-1:], TASK)
    assert len(rows) > 0
    assert (rows.labels == 0).all()
    assert rows.embeddings is None


def test_a_large_log_is_learnt_from_a_share_of_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MAX_PERSONS", 40)
    found = collect_samples(
        MemoryLog(SHOP), [TASK], cuts=CUTS, train_until=UNTIL, embed=None, progress=Silent()
    )
    drawn = [set(one.subject_ids.tolist()) for one in found]
    assert 20 < len(drawn[-1]) < 60
    assert drawn[0] <= drawn[1] <= drawn[2]


def test_no_samples_give_no_rows() -> None:
    assert len(rows_of_task((), TASK)) == 0


def test_matrices_keep_the_documented_order() -> None:
    frame = pl.DataFrame({"subject_id": [1], **{name: [1.0] for name in FEATURE_COLUMNS}})
    frame = frame.with_columns(spend_90d=pl.lit(7.0), orders=pl.lit(None, dtype=pl.Float64))
    matrix = feature_matrix(frame)
    assert matrix.dtype == np.float32
    assert np.isnan(matrix[0, FEATURE_COLUMNS.index("orders")])
    assert rfm_matrix(matrix, horizon=100 * DAY)[0, -1] == 7


def test_recent_spend_is_over_the_window_nearest_the_horizon() -> None:
    assert rfm_columns(92 * DAY)[-1] == "spend_90d"
    assert rfm_columns(HOUR // 2)[-1] == "spend_1h"


def test_a_sample_is_of_what_was_known_at_its_cut() -> None:
    cut = CUTS["p"][1]
    late = (pl.col("timestamp") < cut) & (pl.col("timestamp") >= cut - 15 * DAY)
    burst = with_burst(SHOP, 5, cut + DAY, count=200)
    found = sample_at(LateLog(arriving(burst, cut + DAY, which=late), events_per_day=100), cut)
    without = sample_at(LateLog(replace(burst, events=burst.events.filter(~late))), cut)
    assert found.subject_ids.tolist() == without.subject_ids.tolist()
    assert np.array_equal(found.features, without.features, equal_nan=True)
    # A burst in the days to come makes nobody a bot now.
    assert np.array_equal(found.labels["p"], without.labels["p"], equal_nan=True)
    assert not np.isnan(found.labels["p"][found.subject_ids.tolist().index(5)])


def sample_at(log: MemoryLog, cut: int) -> CutSample:
    found = collect_samples(
        log, [TASK], cuts=CUTS, train_until=UNTIL, embed=None, progress=Silent()
    )
    return next(one for one in found if one.as_of == cut)


def delayed(days: float) -> LateLog:
    """The shop's log, every event arriving so many days after it happened."""
    received = pl.col("timestamp") + round(days * DAY)
    return LateLog(replace(SHOP, events=SHOP.events.with_columns(received_at=received)))


@pytest.mark.parametrize(
    ("days", "earlier"), [(0, 0), (0.1, 0), (0.5, 1), (3, 3), (3.2, 4), (60, 10)]
)
def test_label_windows_end_the_usual_delay_earlier(days: float, earlier: int) -> None:
    """In whole days, no more than a tenth of the log, and not for an hour or two."""
    until = labelled_until(delayed(days), [TASK], start_at=SHOP.start_at, train_until=UNTIL)
    assert until == UNTIL - earlier * DAY


def test_a_few_that_come_late_are_not_waited_for() -> None:
    few = pl.int_range(pl.len()) % 200 == 0
    log = LateLog(arriving(SHOP, UNTIL - 1, which=few & (pl.col("timestamp") < UNTIL - DAY)))
    assert usual_delay(log, as_of=UNTIL) == 0
    many = pl.int_range(pl.len()) % 50 == 0
    log = LateLog(arriving(SHOP, UNTIL - 1, which=many & (pl.col("timestamp") < UNTIL - DAY)))
    assert usual_delay(log, as_of=UNTIL) > 0


def test_the_base_rate_is_not_lowered_by_what_has_not_arrived() -> None:
    """By what is known now, windows that end at the cut miss the purchases of its last days."""
    log, task = delayed(3), Task("p", "event", horizon_days=7, active_days=60)
    fitted = fit_tasks(log, [ResolvedTask(task, "ok")], train_until=UNTIL)
    until = labelled_until(log, [task], start_at=log.start_at, train_until=UNTIL)
    assert fitted.models["p"].base_rate == pytest.approx(true_rate(log, task, until), abs=2e-3)
    known_rate = true_rate(log, task, UNTIL, read_at=UNTIL)
    assert known_rate < true_rate(log, task, UNTIL) - 0.01


def true_rate(log: LateLog, task: Task, until: int, *, read_at: int | None = None) -> float:
    """The share of persons at the cuts that end by `until`, by all that came or was known then."""
    labels = []
    for cut in training_cuts([task], start_at=log.start_at, train_until=until)["p"]:
        for bucket in range(log.num_buckets):
            known, later = (log.read_bucket(bucket, as_of=moment) for moment in (cut, read_at))
            labels.append(build_labels(known, later, task, as_of=cut))
    return float(pl.concat(labels)["label"].to_numpy().mean())


def test_persons_at_cuts_whose_window_is_not_over_are_waited_for() -> None:
    long = replace(TASK, name="long", horizon_days=60)
    cuts = {**CUTS, "long": CUTS["p"][:1]}
    found = collect_samples(
        MemoryLog(SHOP), [TASK, long], cuts=cuts, train_until=UNTIL, embed=embed, progress=Silent()
    )
    assert set(rows_of_task(found[:-1], long).cuts) == {CUTS["p"][0]}
    awaited = awaited_of_task(found, long, until=UNTIL - DAY)
    assert awaited is not None
    rows = awaited.rows
    assert set(rows.cuts) == set(CUTS["p"])
    assert set(awaited.known_days) == {59, 19}
    assert rows.embeddings is not None
    assert rows.embeddings[:, 0] == pytest.approx(rows.subject_ids)
    bought = SHOP.events.filter(pl.col("event_type") == "purchase", pl.col("timestamp") < UNTIL)
    for person, cut, wait in zip(
        rows.subject_ids.tolist(), rows.cuts.tolist(), rows.labels.tolist(), strict=True
    ):
        later = bought.filter(pl.col("subject_id") == person, pl.col("timestamp") >= cut)
        first = later["timestamp"].min()
        assert wait == pytest.approx(np.inf if first is None else (first - cut) / DAY)


def test_of_very_many_waits_an_even_part_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = collect_samples(
        MemoryLog(SHOP), [TASK], cuts=CUTS, train_until=UNTIL, embed=None, progress=Silent()
    )
    whole = awaited_of_task(found, TASK, until=UNTIL)
    monkeypatch.setattr(samples, "MAX_AWAITED", 60)
    part = awaited_of_task(found, TASK, until=UNTIL)
    assert whole is not None
    assert part is not None
    assert 40 < len(part.rows) < 80 < len(whole.rows)
    assert set(part.rows.cuts) == set(whole.rows.cuts)
