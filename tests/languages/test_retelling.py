from habitue.languages import retold, speaking


def test_an_event_type_that_nearly_everybody_does_next_has_words_of_its_own() -> None:
    with speaking("zh"):
        told = retold("nearly every next answer is view item, so there is nothing to tell apart")
        named = retold("nearly every next answer is 'view', so there is nothing to tell apart")
        rare = retold(
            "nearly every next answer is too rare for a name, so there is nothing to tell apart"
        )
    assert rare == "几乎所有人的下一步都是过于少见、未单独列出的，无从区分"
    assert told == "几乎所有人的下一步都是“浏览商品”，无从区分"
    assert named == "几乎所有人的下一步都是“view”，无从区分"
