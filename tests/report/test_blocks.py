from habitue.report.blocks import Block, Bullets, Heading, Table, Words, as_markdown, marked


def test_a_document_is_written_as_markdown() -> None:
    blocks: list[Block] = [
        Heading("Card", level=1),
        Words("It is **good**."),
        Bullets(["one", "two"]),
        Table(["who", "how"], [["a | b", "two\nlines"]]),
    ]
    assert as_markdown(blocks) == (
        "# Card\n\nIt is **good**.\n\n- one\n- two\n\n"
        "| who | how |\n| --- | --- |\n| a \\| b | two lines |\n"
    )


def test_marks_become_elements_and_all_else_is_escaped() -> None:
    text = "*told* **too** `high` <script>alert(1)</script>"
    assert str(marked(text)) == (
        "<em>told</em> <b>too</b> <code>high</code> &lt;script&gt;alert(1)&lt;/script&gt;"
    )


def test_a_date_is_not_broken_at_its_dashes() -> None:
    assert str(marked("before 2017-10-03.")) == 'before <span class="whole">2017-10-03</span>.'
