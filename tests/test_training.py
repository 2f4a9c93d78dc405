from typing import get_args

from habitue.profiles.task_model import Form
from habitue.training import FORMS


def test_every_form_a_prediction_may_take_has_a_sentence() -> None:
    assert set(FORMS) == set(get_args(Form))
