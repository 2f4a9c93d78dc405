from pathlib import Path

import pytest

from habitue.actions.rule_parser import KEYWORDS
from habitue.config import LONGEST_DAYS, Settings, load_settings
from habitue.errors import SettingsError
from habitue.schema import EXPECTED_SUFFIX, PROFILE_COLUMNS, RULE_WORDS

SOURCE = '[[sources]]\nname = "orders"\n{line}\n[sources.columns]\nuser_id = "u"\n'
TASK = '[tasks."{name}"]\nkind = "event"\n'


def written(folder: Path, text: str) -> Path:
    (folder / "habitue.toml").write_text(text, encoding="utf-8")
    return folder


def refusal(folder: Path, text: str = "") -> SettingsError:
    with pytest.raises(SettingsError, match=r".") as caught:
        load_settings(written(folder, text))
    return caught.value


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()


def test_options_win_over_variables_and_variables_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path, "[training]\nepochs = 3\nseed = 3\npatience = 3\n")
    monkeypatch.setenv("HABITUE_TRAINING__EPOCHS", "5")
    monkeypatch.setenv("HABITUE_TRAINING__SEED", "5")
    training = load_settings(folder, {"training": {"seed": 7}}).training
    assert (training.patience, training.epochs, training.seed) == (3, 5, 7)


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'training.epoch'.*Did you mean 'epochs'\?"):
        load_settings(written(tmp_path, "[training]\nepoch = 3\n"))
    with pytest.raises(SettingsError, match=r"'trainin'.*Did you mean 'training'\?"):
        load_settings(written(tmp_path, "[trainin]\nepochs = 3\n"))
    with pytest.raises(SettingsError, match=r"'sources.orders.encodin'.*mean 'encoding'\?"):
        load_settings(written(tmp_path, SOURCE.format(line='encodin = "x"')))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[model]\nsize = "huge"\n', "'huge'; expected 'tiny', 'small', 'base' or 'large'."),
        ("[training]\nepochs = 2.5\n", "'training.epochs' is 2.5; expected a whole number."),
        ('[training]\nepochs = "two"\n', "is 'two'; expected a whole number."),
        ("[training]\nepochs = -1\n", "is -1; expected a number greater than or equal to 0."),
        ("[training]\nbatch_events = 63\n", "'training.batch_events' is 63; expected 0, or 64 and"),
        ("[cleaning]\nmax_price = inf\n", "expected a number that is not endless."),
        ("[shop]\nname = 5\n", "Setting 'shop.name' is 5; expected a text in quotes."),
        ("sources = 5\n", "Setting 'sources' is 5; expected a list."),
        ('model = "tiny"\n', "Setting 'model' is 'tiny'; expected a section of settings."),
        ('[cleaning]\nearliest = "soon"\n', "is 'soon'; expected a day such as 1990-01-01."),
        ('[cleaning]\nearliest = "2024-02-30"\n', "expected a day such as 1990-01-01."),
        (
            '[profiles]\ntime_zone = "Mars"\n',
            "is 'Mars'; expected a time zone such as Europe/London",
        ),
        (
            SOURCE.format(line='time_zone = "Mars"'),
            "'sources.orders.time_zone' is 'Mars'; expected",
        ),
        (SOURCE.format(line="strip_decimal = 1"), "'sources.orders.strip_decimal' is 1; expected"),
        ("[[sources]]\n[sources.columns]\n", "Setting 'sources.0.name' is missing."),
        ('[tasks.t]\nevent = "purchase"\n', "Setting 'tasks.t.kind' is missing."),
    ],
)
def test_a_wrong_value_is_told_in_one_plain_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    error = refusal(tmp_path, text)
    assert sentence in error.message
    assert "habitue.toml" in error.fix
    for jargon in ("Value error", "Input should", "valid", "str]", "[key]"):
        assert jargon not in str(error)


@pytest.mark.parametrize("days", ["0", "-7", "1e-9", "1e9", "inf", "nan", str(LONGEST_DAYS + 1)])
@pytest.mark.parametrize("field", ["horizon_days", "active_days"])
def test_a_horizon_is_a_length_of_time_that_makes_sense(
    tmp_path: Path, field: str, days: str
) -> None:
    text = f'[tasks.t]\nkind = "event"\n{field} = {days}\n'
    assert f"'tasks.t.{field}' is" in refusal(tmp_path, text).message


@pytest.mark.parametrize(
    "name", ["a/b", "..", "a b", "", "x" * 61, "7d", "a.b", "a\\\\b", "con:", "-x", "购/买"]
)
def test_a_task_has_a_name_that_is_safe_for_a_file(tmp_path: Path, name: str) -> None:
    error = refusal(tmp_path, TASK.format(name=name))
    assert "cannot be a name in [tasks]; expected up to 60 letters, digits" in error.message


def test_a_task_may_be_named_in_any_script(tmp_path: Path) -> None:
    assert "复购_14天" in load_settings(written(tmp_path, TASK.format(name="复购_14天"))).tasks


def test_a_task_is_called_like_no_column_and_no_word_of_a_rule(tmp_path: Path) -> None:
    taken = "expected a name that no column of the profile table has"
    for name in (*sorted(PROFILE_COLUMNS), "Revenue", f"value_90d{EXPECTED_SUFFIX}"):
        assert taken in refusal(tmp_path, TASK.format(name=name)).message
    for name in RULE_WORDS:
        assert "no word of the rules" in refusal(tmp_path, TASK.format(name=name)).message


def test_the_words_of_a_rule_are_those_of_its_reader() -> None:
    assert RULE_WORDS == KEYWORDS


def test_a_day_may_stand_without_quotes(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, "[cleaning]\nearliest = 2001-02-03\n"))
    assert settings.cleaning.earliest == "2001-02-03"


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "habitue.toml").write_text("[training]\nseed = 4\n", encoding="utf-8-sig")
    assert load_settings(tmp_path).training.seed == 4


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"habitue.toml is not valid TOML"):
        load_settings(written(tmp_path, "[training\n"))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HABITUE_TRAININ__EPOCHS", "3", r"'trainin' is unknown. Did you mean 'training'\?"),
        ("HABITUE_TRAINING__EPOCH", "3", r"'training.epoch' is unknown. Did you mean 'epochs'\?"),
        ("HABITUE_TRAINING_EPOCHS", "3", r"Did you mean 'HABITUE_TRAINING__EPOCHS'\?"),
        ("HABITUE_TRAINING__EPOCHS", "two", r"'two'; expected a whole number"),
        ("HABITUE_TRAINING__EPOCHS__MORE", "2", r"'training.epochs' is"),
        ("HABITUE_MODEL", "tiny", r"'model' is 'tiny'; expected a section .*HABITUE_MODEL.*size"),
        ("HABITUE_SOURCES", "[1, ", r"'sources' is '\[1, '; expected a list"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=sentence) as caught:
        load_settings(tmp_path)
    assert "HABITUE_" in str(caught.value)
    assert "habitue.toml" not in str(caught.value)


def test_a_variable_may_hold_a_whole_stage_or_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUE_MODEL", '{"size": "tiny", "dropout": 0.1}')
    monkeypatch.setenv("HABITUE_MODEL__DROPOUT", "0.3")
    monkeypatch.setenv("HABITUE_CLEANING__PLACEHOLDER_IDS", '["nobody"]')
    settings = load_settings(written(tmp_path, "[model]\nmax_length = 9\n"))
    assert (settings.model.size, settings.model.dropout) == ("tiny", 0.3)
    assert settings.model.max_length == 9
    assert settings.cleaning.placeholder_ids == ["nobody"]


def test_variables_that_are_no_settings_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUE_WORKSPACE", "elsewhere")
    monkeypatch.setenv("HABITUE_BENCHMARK_DATA", "elsewhere")
    assert load_settings(tmp_path) == Settings()


def test_a_wrong_option_says_to_pass_another(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'model.size' is 'huge'.* Pass another value"):
        load_settings(tmp_path, {"model": {"size": "huge"}})
