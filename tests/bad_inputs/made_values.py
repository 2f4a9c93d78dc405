"""Events of now, and more of them than a repository should hold."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

HEADER: Final = "user,time,event,item,title,price"


def times_from_now(folder: Path) -> None:
    """Now, two minutes ahead, an hour ahead."""
    rows = [_row(n, _ahead(minutes)) for n, minutes in enumerate((-1, 2, 60))]
    (folder / "orders.csv").write_text("\n".join([HEADER, *rows, ""]))


def clock_ahead_of_now(folder: Path) -> None:
    """A device whose clock is ten hours ahead of the clock that received its event just now."""
    fast = f"{_row(0, _ahead(599))},{_ahead(600)},{_ahead(0)}"
    right = f"{_row(1, _ahead(-1))},{_ahead(0)},{_ahead(0)}"
    (folder / "orders.csv").write_text("\n".join([f"{HEADER},sent,received", fast, right, ""]))


def ten_thousand_in_one_moment(folder: Path) -> None:
    at = "2024-03-01T10:00:00.001Z"
    rows = [f"bot,{at},view,A{n},Tent,9.50" for n in range(10_000)]
    (folder / "orders.csv").write_text("\n".join([HEADER, *rows, _row(0, at), ""]))


def one_user_without_end(folder: Path) -> None:
    """Sixty thousand events of one user on a day, and two hundred of a hundred others."""
    start = datetime(2024, 3, 1, tzinfo=UTC)
    rows = [
        f"bot,{start + timedelta(seconds=n)},view,A{n % 50},Tent,9.50".replace("+00:00", "Z")
        for n in range(60_000)
    ]
    rows += [_row(n, f"2024-03-0{1 + n // 100}T10:00:00Z", user=f"u{n % 100}") for n in range(200)]
    (folder / "orders.csv").write_text("\n".join([HEADER, *rows, ""]))


def _ahead(minutes: int) -> str:
    return f"{datetime.now(UTC) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def _row(number: int, at: str, user: str = "") -> str:
    return f"{user or f'u{number}'},{at},view,A{number % 5},Tent,9.50"


MAKERS: Final[tuple[Callable[[Path], None], ...]] = (
    times_from_now,
    clock_ahead_of_now,
    ten_thousand_in_one_moment,
    one_user_without_end,
)
