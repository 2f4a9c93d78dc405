import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.actions.spreadsheets import escape_formulas
from tests.examples import examples

DANGEROUS = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u3000=1", "\ufeff=1",
    "\u00a0-x", "＝1", "＋1+1", "－x", "＠SUM", "=cmd|'/c calc'!A0", '=HYPERLINK("http://x")', "-",
    "=", "+", "@", "\t", "\x00=1", "-2+3", "+49 30 12", "-1e5x", "﹦1", "\u200b=1", "--1",
)  # fmt: skip


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_text_that_begins_like_a_formula_is_escaped(text: str) -> None:
    table, count = escape_formulas(pl.DataFrame({"name": [text]}))
    assert table["name"].item() == f"'{text}"
    assert count == 1


@pytest.mark.parametrize(
    "text", ["-12", "+4915112345678", "-0.5", "007", "a=1", "x@y.org", "", "1-2"]
)
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    table, count = escape_formulas(pl.DataFrame({"name": [text], "n": [-1.5], "empty": [None]}))
    assert (table["name"].item(), table["n"].item(), count) == (text, -1.5, 0)


@settings(max_examples=examples(200), deadline=None, derandomize=True)
@given(text=st.text(max_size=12))
def test_no_cell_begins_like_a_formula_but_a_number(text: str) -> None:
    table, _ = escape_formulas(pl.DataFrame({"name": [text]}))
    cell = table["name"].item()
    first = cell.lstrip()[:1] or cell[:1]
    assert first not in "=@＝＠＋－\t\r" or first == ""
    if first in ("+", "-"):
        assert float(cell) is not None
