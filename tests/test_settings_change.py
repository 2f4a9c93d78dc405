from pathlib import Path

import pytest

from habitue.config import load_settings
from habitue.errors import Refused, SettingsError
from habitue.settings_change import Changes, change_settings, changed_text
from habitue.workspace import Workspace

TUNED: Changes = {("model", "size"): "tiny", ("training", "learning_rate"): 0.004}

WRITTEN = """\
# Our shop. [model] is below.
[shop]
name = "Tea # and more"

[training]  # slow machine
epochs = 3
learning_rate=1e-3 # as Ann says

[model]
# size = "small"
dropout = 0.3

[[sources]]
name = "log"
"""


def test_values_change_and_all_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "habitue.toml"
    path.write_text(WRITTEN)
    kept = change_settings(tmp_path, TUNED)
    assert path.read_text() == WRITTEN.replace("1e-3 #", "0.004 #").replace(
        "dropout = 0.3\n", 'dropout = 0.3\nsize = "tiny"\n'
    )
    assert kept == tmp_path / "habitue.toml.bak"
    assert kept.read_text() == WRITTEN


def test_without_a_file_one_is_made(tmp_path: Path) -> None:
    assert change_settings(tmp_path, TUNED) is None
    settings = load_settings(tmp_path)
    assert (settings.model.size, settings.training.learning_rate) == ("tiny", 0.004)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[model]\nsize = "tiny"\n'),
        ("[shop]\nname = 'A'", "[shop]\nname = 'A'\n\n[model]\nsize = \"tiny\"\n"),
        ("[model]", '[model]\nsize = "tiny"\n'),
        ("\ufeff[model]\r\nsize = 'small'\r\n", '\ufeff[model]\r\nsize = "tiny"\r\n'),
        ("[ model ]\nheads = 2\n\n\n[shop]\n", '[ model ]\nheads = 2\nsize = "tiny"\n\n\n[shop]\n'),
    ],
)
def test_every_layout_a_person_writes_keeps_its_shape(before: str, after: str) -> None:
    assert changed_text(before, {("model", "size"): "tiny"}) == after


@pytest.mark.parametrize(
    "text",
    ['model.size = "small"\n', 'model = { size = "small" }\n', 'x = """\n[model]\n"""\n'],
)
def test_what_cannot_be_changed_safely_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "habitue.toml"
    path.write_text(text)
    with pytest.raises(
        Refused, match=r"cannot be changed safely.*Write into it: \[model\] size = \"tiny\""
    ) as caught:
        change_settings(tmp_path, {("model", "size"): "tiny"})
    assert caught.value.code == "settings_layout"
    assert path.read_text() == text
    assert not (tmp_path / "habitue.toml.bak").exists()


def test_a_workspace_writes_its_settings_and_answers_by_them(tmp_path: Path) -> None:
    path = tmp_path / "habitue.toml"
    path.write_text(WRITTEN)
    settings = Workspace(tmp_path).change_settings(
        shop={"name": "The corner shop"}, training={"epochs": 4}, export={"for_spreadsheet": False}
    )
    assert settings.shop.name == "The corner shop"
    assert settings.training.epochs == 4
    assert (
        path.read_text()
        == WRITTEN.replace("Tea # and more", "The corner shop").replace("epochs = 3", "epochs = 4")
        + "\n[export]\nfor_spreadsheet = false\n"
    )
    assert (tmp_path / "habitue.toml.bak").read_text() == WRITTEN


def test_a_wrong_setting_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "habitue.toml"
    path.write_text(WRITTEN)
    for wrong in ({"epoch": 4}, {"epochs": "many"}):
        with pytest.raises(SettingsError, match="epoch"):
            Workspace(tmp_path).change_settings(training=wrong)
    assert path.read_text() == WRITTEN
