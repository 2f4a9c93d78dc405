"""The verbs about a shop's model versions: list them, show one, say which one answers.

In: a workspace. Out: each version's card, with what its model card says in short. Knows nothing
about how they were trained.
"""

import warnings
from typing import TYPE_CHECKING

from habitue.errors import HabitueWarning, NotReady
from habitue.languages import answers_in_own_language
from habitue.shop_folder import ShopFolder
from habitue.versions import read_evaluation

if TYPE_CHECKING:
    from habitue.results import ModelCardInfo, VersionInfo, VersionList
    from habitue.versions import Card


@answers_in_own_language
class ShopModels(ShopFolder):
    """One shop and the versions of its model."""

    def models(self) -> "VersionList":
        """Return all versions, newest first; of one that cannot be opened, warn.

        Raises:
            NotReady: there is no shop here.
        """
        from habitue.results import VersionList

        names = self._versions.names()
        if not names and not self._has_settings():
            raise self._no_workspace()
        found = []
        for name in reversed(names):
            try:
                found.append(self.model(name))
            except NotReady as error:
                warnings.warn(str(error), HabitueWarning, stacklevel=3)
        return VersionList(found)

    def model(self, version: str | None = None) -> "VersionInfo":
        """Return one version's card; without a name, of the one that answers."""
        from habitue.results import VersionInfo

        name = version or self._versions.answering()
        card = self._versions.card(name)
        published = name == self._versions.published
        return VersionInfo(card, published=published, model_card=self._model_card(card))

    def publish(self, version: str) -> "VersionInfo":
        """Let this version answer from now on."""
        self._versions.publish(version)
        return self.model(version)

    def rollback(self) -> "VersionInfo":
        """Let the version that answered before answer again."""
        return self.model(self._versions.rollback())

    def _model_card(self, card: "Card") -> "ModelCardInfo | None":
        """Return where a version's model card lies, and what it says in short."""
        from habitue.model_card import card_path, summary
        from habitue.results import ModelCardInfo

        folder = self._versions.path(card.version)
        evaluation = read_evaluation(folder)
        if evaluation is None:
            return None
        return ModelCardInfo(card_path(folder), summary(evaluation))
