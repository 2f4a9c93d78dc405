"""Which backbones there are, by the names of the setting `model.architecture`.

A new one is a file in this folder, a line here and a name in `config.Architecture`; the contract
in `tests/model/test_backbones.py` then holds for it.
"""

from collections.abc import Callable
from typing import Final

from habitue.config import Architecture
from habitue.model.backbones.backbone import Backbone, BackboneShape
from habitue.model.backbones.convolutional import EventCNN
from habitue.model.backbones.recurrent import event_gru, event_lstm
from habitue.model.backbones.sasrec import SASRec
from habitue.model.backbones.transformer import EventTransformer

BACKBONES: Final[dict[Architecture, Callable[[BackboneShape], Backbone]]] = {
    "transformer": EventTransformer,
    "sasrec": SASRec,
    "gru": event_gru,
    "lstm": event_lstm,
    "cnn": EventCNN,
}
