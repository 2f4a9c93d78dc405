from pathlib import Path

import pytest

from habitue.config import load_settings
from habitue.errors import SettingsError


def written(folder: Path, text: str) -> Path:
    (folder / "habitue.toml").write_text(text, encoding="utf-8")
    return folder


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path).model.architecture == "transformer"


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
    source = '[[sources]]\nname = "a"\nencodin = "x"\n[sources.columns]\nuser_id = "u"\n'
    with pytest.raises(SettingsError, match=r"encodin.*Did you mean 'encoding'\?"):
        load_settings(written(tmp_path, source))


def test_a_wrong_value_is_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'model.size' is 'huge'.*'tiny' or 'small'"):
        load_settings(written(tmp_path, '[model]\nsize = "huge"\n'))


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"habitue.toml is not valid TOML"):
        load_settings(written(tmp_path, "[training\n"))
