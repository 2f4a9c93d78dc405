import pytest

from habitue.events.records_of_text import CarefulCutter, split_record


def cut(block: bytes, *, is_last: bool = True) -> tuple[list[bytes], list[str], int]:
    found = CarefulCutter(2, ",").cut(block, is_last=is_last)
    return found.good, [bad.code for bad in found.rejected], found.end


def test_good_records_come_out_well_formed() -> None:
    good, bad, _ = cut(b'a,5" x\n"b\nc",d\n')

    assert good == [b'a,"5"" x"', b'"b\nc",d']
    assert bad == []


def test_reading_goes_on_right_after_an_unclosed_quote() -> None:
    assert cut(b'a,"b\nc,d\ne,f\n') == ([b"c,d", b"e,f"], ["unclosed_quote"], 13)


@pytest.mark.parametrize("rest", [b'c,"d', b'c,"d"', b"c,d", b"c,d\r", b'c,"d\n'])
def test_record_that_may_go_on_waits_for_the_next_block(rest: bytes) -> None:
    assert cut(b"a,b\n" + rest, is_last=False) == ([b"a,b"], [], 4)


def test_long_line_without_end_is_given_up_and_skipped() -> None:
    cutter = CarefulCutter(2, ",")

    first = cutter.cut(b"a,b\n" + b"x" * 1_100_000, is_last=False)
    second = cutter.cut(b"x" * 1000, is_last=False)
    third = cutter.cut(b"xx\nc,d\n", is_last=True)

    assert [bad.code for bad in first.rejected] == ["line_too_long"]
    assert (second.good, second.rejected, second.end) == ([], [], 1000)
    assert third.good == [b"c,d"]
    assert third.lines == [1]


def test_fields_of_a_record_and_where_the_next_begins() -> None:
    record = split_record(b'x\n"a ""q""",,b\r\nnext', 2, ",")

    assert record.fields == [b'a "q"', b"", b"b"]
    assert record.next_start == 16


@pytest.mark.parametrize("slip", [b'x, ""y"""', b'\xff, ""y"""', b'\0, ""y"""', b'y"'])
def test_quote_never_closed_does_not_swallow_lines_that_could_be_records(slip: bytes) -> None:
    lines = [b'a,"b,c', b"d,e,f", b"g,h,i", b"j,k," + slip, b"m,n,o"]
    found = CarefulCutter(3, ",").cut(b"\n".join(lines) + b"\n", is_last=True)
    assert (found.rejected[0].code, found.rejected[0].line) == ("unclosed_quote", 0)
    assert {b"d,e,f", b"g,h,i", b"m,n,o"} <= set(found.good)


def test_text_of_several_lines_within_quotes_is_one_field() -> None:
    text = b'a,"b\nc,d\ne\nf",g\nh,i,j\n'
    found = CarefulCutter(3, ",").cut(text, is_last=True)
    assert found.num_records == len(found.good) == 2
