"""Verbs that write, a place to try them in, and all that is found there afterwards.

place/shop             the golden shop, whose version 0002 answers and was never evaluated
place/copy.tar.zst     an older backup, which `backup` replaces
place/given.tar.zst    what `restore` makes `place/again` of
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from unittest import mock

from habitue import backup, checksums, files, predicting
from habitue.backup import restore
from habitue.checksums import CHECKSUMS_FILE, check_folder, file_digest, read_sealed, seal_folder
from habitue.compute import Silent
from habitue.errors import HabitueError
from habitue.events.store import EventStore
from habitue.model.resume import Checkpoint, TrainingState
from habitue.refreshing import current_refresh
from habitue.versions import CARD_FILE, EVALUATION_FILE, POINTER_FILE, Versions, read_evaluation
from habitue.workspace import Workspace
from tests.golden.make_shop import GOLDEN, QUICK, few_trees, restored

State = dict[str, object]
_load = Checkpoint.load


def shop_in(place: Path) -> Workspace:
    return Workspace(place / "shop", settings=QUICK)


def train(place: Path) -> None:
    with few_trees():
        shop_in(place).train(epochs=2)


VERBS: dict[str, Callable[[Path], object]] = {
    "publish": lambda place: shop_in(place).publish("0001"),
    "rollback": lambda place: shop_in(place).rollback(),
    "evaluate": lambda place: shop_in(place).evaluate(),
    "refresh": lambda place: shop_in(place).refresh(),
    "predict": lambda place: shop_in(place).predict("churn_14d"),
    "audience": lambda place: shop_in(place).audience("orders >= 1", name="buyers"),
    "backup": lambda place: shop_in(place).backup(out=place / "copy.tar.zst", force=True),
    "restore": lambda place: Workspace(place / "again").restore(place / "given.tar.zst"),
}
TRAIN = {"train": train}


def make_place(place: Path) -> Path:
    """Make a place where every verb may be tried."""
    shop = restored(place / "shop")
    first, second = (shop.folder / "models" / name for name in ("0001", "0002"))
    shutil.copytree(first, second, ignore=shutil.ignore_patterns(EVALUATION_FILE, CHECKSUMS_FILE))
    card = json.loads((second / CARD_FILE).read_text())
    (second / CARD_FILE).write_text(json.dumps(card | {"version": "0002"}))
    seal_folder(second)
    shop.publish("0002")
    for name in ("copy", "given"):
        shutil.copy(GOLDEN / "shop-2.tar.zst", place / f"{name}.tar.zst")
    return place


def state_of(place: Path) -> State:
    """Read all that is there, as the verbs that read do; every file is checked on the way."""
    shop = place / "shop"
    versions, refresh = Versions(shop / "models"), current_refresh(shop / "profiles")
    for folder in (*map(versions.path, versions.names()), refresh.folder):
        check_folder(folder)
    answering, pointer = versions.answering(), read_sealed(versions.folder / POINTER_FILE)
    # What a killed training or refresh had finished, but nobody was pointed to, keeps its number.
    names = [pointer["version"], *pointer["before"]]
    return {
        "store": EventStore(shop / "store").fingerprint,
        "answering": weights_of(versions.path(answering)),
        "pointer": [name if name <= "0002" else "a new one" for name in names],
        "evaluated": [name for name in versions.names() if read_evaluation(versions.path(name))],
        "refresh": (refresh.folder.name > "0001", refresh.model_version, refresh.table.rows()),
        "history": [refresh.history(bucket).rows() for bucket in range(2)],
        "lists": {path.name: path.read_text() for path in shop.glob("*/[!.]*.csv")},
        "copy": _backed_up(place / "copy.tar.zst", file_digest(place / "copy.tar.zst")),
        "again": contents_of(place / "again"),
    }


def weights_of(folder: Path) -> str:
    (path,) = (folder / "network").glob("*.safetensors")
    return file_digest(path)


def contents_of(folder: Path) -> dict[str, str]:
    found = (path for path in sorted(folder.rglob("[!.]*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in found}


@cache
def _backed_up(path: Path, digest: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        restore(path, Path(folder) / "again", progress=Silent())
        return contents_of(Path(folder) / "again")


def judged(place: Path, old: State, new: State) -> str:
    """Say which of the two states a place is in, or that it is damaged."""
    try:
        found = state_of(place)
    except HabitueError:
        return "damaged"
    return "new" if found == new else "old" if found == old else "damaged"


def left_over(place: Path) -> list[str]:
    """Return what unfinished work left."""
    found = (path for path in place.rglob(".*") if path.name != ".training")
    return [path.relative_to(place).as_posix() for path in found]


@contextmanager
def in_place(path: Path) -> Iterator[Path]:
    """What `files.replacing` guards from: the file is written where it stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    yield path


@contextmanager
def building_in_place(target: Path) -> Iterator[Path]:
    """What `files.building_folder` guards from: the folder is there before it is whole."""
    target.mkdir(parents=True, exist_ok=True)
    yield target


def without_the_optimiser(checkpoint: Checkpoint) -> TrainingState | None:
    """What `Checkpoint.load` guards from: not all of a training's state is there."""
    state = _load(checkpoint)
    if state is None:
        return None
    kept = {name: value for name, value in state.tensors.items() if name[:9] != "optimizer"}
    return TrainingState(state.numbers, kept)


@contextmanager
def unguarded() -> Iterator[None]:
    """Write where files and folders stand, and keep half of a training, while the block runs."""
    with ExitStack() as guards:
        guards.enter_context(mock.patch.object(Checkpoint, "load", without_the_optimiser))
        for module in (files, backup, predicting):
            guards.enter_context(mock.patch.object(module, "replacing", in_place))
        for module in (checksums, backup):
            guards.enter_context(mock.patch.object(module, "building_folder", building_in_place))
        yield
