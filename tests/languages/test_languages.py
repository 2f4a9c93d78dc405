"""Which language is spoken: by option, by variable, by the shop's settings."""

import re
import sys
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import typer
from typer import rich_utils

from habitue import Workspace
from habitue.cli import app
from habitue.cli import speaking as cli_speaking
from habitue.cli.help import command_of, commands_of
from habitue.cli.help_zh import FRAME, HELP
from habitue.cli.usage import wrong_usage
from habitue.languages import language, retold, speaking, told
from habitue.profiles.prediction_reasons import sentence


def test_a_language_is_spoken_for_a_while() -> None:
    with speaking("zh"):
        assert (language(), told({"en": "yes", "zh": "是"})) == ("zh", "是")
    assert language() == "en"


@pytest.mark.parametrize(
    ("arguments", "variable", "spoken"),
    [
        (["profile", "7"], "", "en"),
        (["profile", "7", "--lang", "zh"], "", "zh"),
        (["--lang=zh", "profile", "7"], "", "zh"),
        (["profile", "7"], "zh", "zh"),
        (["profile", "7", "--lang", "en"], "zh", "en"),
    ],
)
def test_the_option_wins_over_the_variable(
    arguments: list[str], variable: str, spoken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUE_LANG", variable)
    with speaking("en"):
        cli_speaking.begin(arguments)
        assert language() == spoken


def test_a_shop_speaks_the_language_of_its_settings(tmp_path: Path) -> None:
    (tmp_path / "habitue.toml").write_text('[shop]\nlanguage = "zh"\n')
    assert Workspace(tmp_path).language == "zh"
    asked = Workspace(tmp_path, settings={"shop": {"language": "en"}})
    assert asked.language == "en"


def test_an_answer_is_in_the_shops_language_and_the_caller_keeps_theirs(tmp_path: Path) -> None:
    class Asked(Workspace):
        def spoken(self) -> str:
            return language()

    from habitue.languages import answers_in_own_language

    shop = answers_in_own_language(Asked)(tmp_path, settings={"shop": {"language": "zh"}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert shop.spoken() == "zh"
    assert language() == "en"


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("only 80 persons to learn from; 100 are needed", "可供学习的客户只有80人，至少需要100人"),
        (
            "value_90d: not learnt, the log spans 12 days; a horizon of 90 days needs 360 days.",
            "value_90d：未学习，日志只覆盖12天，预测未来90天至少需要360天的数据。",
        ),
        (
            "Recommendations mix network 40%, habit 60%.",
            "推荐由以下部分混合：行为模型40%、个人习惯60%。",
        ),
        (
            "next_event: when it comes; a hazard head, learnt from 2,300 persons as far as 132 "
            "days (loss on later windows: everybody's waits 2.2679, waits after a like usual pause "
            "2.0962, waits after a like absence 2.1628, a hazard head 2.0263).",
            "next_event：何时到来；采用风险预测头，学习了2,300人，最远可预测132天（在较晚时间窗上的"
            "损失：所有人的等待时间2.2679，来访间隔相近者2.0962，离开时长相近者2.1628，风险预测头"
            "2.0263）。",
        ),
        ("nobody wrote this sentence", "nobody wrote this sentence"),
    ],
)
def test_what_a_folder_keeps_in_english_is_retold(english: str, chinese: str) -> None:
    assert retold(english) == english
    with speaking("zh"):
        assert retold(english) == chinese


def test_a_feature_is_told_in_chinese_with_its_measure_word() -> None:
    lately = {"orders_30d": 2.0}
    late = {"purchase_overdue": 2.0, "days_since_purchase": 48.0, "gap_mean_days": 22.5}
    with speaking("zh"):
        assert sentence("orders_30d", lately) == "过去30天下单2次"
        assert sentence("orders_30d", {"orders_30d": 0.0}) == "过去30天没有下单"
        assert sentence("purchase_overdue", late) == "已有48天未下单；平时每22天下一单"


@pytest.mark.parametrize(
    "command",
    [
        "profile", "profile 7 8", "recommend 7 -k x", "recommend 7 -k 0", "recommend 7 -k 9999",
        "recommend 7 --nope", "profil 7", "predict --task", "train --seed 1.5", "models lst",
        "profile 7 --lang fr", "simulate", "profile 7 --lan zh", "explain 7 --threshold x",
        "train --json=3",
    ],
)  # fmt: skip
def test_a_wrong_command_is_told_in_chinese(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["habitue", *command.split()])
    with pytest.raises(typer.TyperException) as caught:
        app(standalone_mode=False, prog_name="habitue")
    error = wrong_usage(caught.value)
    with speaking("zh"):
        told = retold(error.message)
    assert not re.search(r"[a-z]{2,} [a-z]{2,}", told), told
    assert re.search(r"[\u4e00-\u9fff]", told)


def test_a_number_that_is_none_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["habitue", "explain", "7", "--threshold", "x"])
    with pytest.raises(typer.TyperException) as caught:
        app(standalone_mode=False, prog_name="habitue")
    assert wrong_usage(caught.value).message == (
        "Invalid value for '--threshold': expected a number"
    )


def texts_of_help() -> set[str]:
    """Every text that `--help` shows in the language that is spoken."""
    found: set[str] = set()
    for command, context in commands_of(command_of(app)):
        options = (*command.params, command.get_help_option(context))
        found |= {command.help or ""} | {getattr(one, "help", None) or "" for one in options}
    return found - {""}


def test_help_has_chinese_for_every_verb_and_option_and_for_nothing_else() -> None:
    assert texts_of_help() == HELP.keys()


def test_help_is_chinese_and_whole_in_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FRAME:
        monkeypatch.setattr(rich_utils, name, getattr(rich_utils, name))  # put back afterwards
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    with speaking("zh"):
        for command, context in commands_of(command_of(app)):
            with redirect_stdout(StringIO()) as shown:
                command.get_help(context)
            text = shown.getvalue()
            assert "选项" in text
            assert not re.search(r"[\u3000-\u9fff\uff00-\uffef ]…", text), text
            assert not re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,} [a-z]{2,}", text), text
