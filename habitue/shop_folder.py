"""The verbs about a shop's folder as a whole: its settings, copies of it, what is wrong with it.

In: a workspace. Out: what was copied, restored or found. Knows nothing about what the files say.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from habitue.languages import answers_in_own_language
from habitue.shop import Shop

if TYPE_CHECKING:
    from habitue.backup import BackedUp, Restored
    from habitue.config import Settings
    from habitue.doctor import Diagnosis


@answers_in_own_language
class ShopFolder(Shop):
    """One shop, as a folder of files."""

    def change_settings(self, **stages: Mapping[str, str | int | float]) -> "Settings":
        """Write single values into `habitue.toml`, and return the settings then in force.

        Each keyword is a stage: `shop.change_settings(profiles={"time_zone": "Asia/Shanghai"})`.
        Comments and all other values stay; the file before is kept as `habitue.toml.bak`.

        Raises:
            SettingsError: there is no such setting, or its value is wrong; nothing was written.
            Refused: `settings_layout`, the values could not be written into the file.
        """
        from habitue.settings_change import change_settings

        self.settings(**stages)  # refuses what is wrong before anything is written
        changes = {
            (stage, name): value
            for stage, values in stages.items()
            for name, value in values.items()
        }
        if changes:
            change_settings(self.folder, changes)
        self._log = self._store = self._version = self._advised = None
        return self.settings()

    def backup(self, *, out: str | Path | None = None, force: bool = False) -> "BackedUp":
        """Copy the workspace into one `.tar.zst` file, while others may write.

        Raises:
            NotReady: there is no shop here.
            Refused: `output_exists`, the file is there already; with `force` it is replaced.
            Failed: `corrupt_file`, a file is damaged; nothing was copied.
        """
        from habitue.backup import back_up

        if not self.folder.is_dir() or not any(self.folder.iterdir()):
            raise self._no_workspace()
        path = None if out is None else Path(out)
        return back_up(self.folder, path, progress=self.progress, force=force)

    def restore(self, file: str | Path) -> "Restored":
        """Make this workspace, which must not exist yet or be empty, from a backup.

        Raises:
            Refused: `workspace_taken`, the folder holds something.
            FileRefused: the file is no backup.
            Failed: `corrupt_file`, the backup is damaged; nothing was restored.
        """
        from habitue.backup import restore

        restored = restore(Path(file), self.folder, progress=self.progress)
        self._store = self._log = self._version = self._advised = None
        return restored

    def doctor(self) -> "Diagnosis":
        """Say what is wrong with this workspace, and which command mends it."""
        from habitue.doctor import examine

        return examine(self.folder, progress=self.progress)
