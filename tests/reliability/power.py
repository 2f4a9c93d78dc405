"""What a disk may hold after a power cut, from a record of operations.

Of a file it holds what was flushed, or more of it, or half of the rest. Of a folder it holds the
entries that were flushed and some first ones of those that were not. Nothing is assumed of the
order between files and folders.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.reliability.faults import Operation


@dataclass
class File:
    """A file: what was flushed, and what was written."""

    flushed: bytes = b""
    written: bytes = b""


@dataclass
class Folder:
    """A folder: its entries as they were flushed, and the changes since, each a step."""

    flushed: "dict[str, File | Folder]" = field(default_factory=dict)
    steps: "list[dict[str, File | Folder | None]]" = field(default_factory=list)

    def now(self, num_steps: int | None = None) -> "dict[str, File | Folder]":
        entries = dict(self.flushed)
        for step in self.steps[:num_steps]:
            for name, node in step.items():
                if node is None:
                    entries.pop(name, None)
                else:
                    entries[name] = node
        return entries


class Disk:
    """A disk that begins as the folder `root` is, everything in it flushed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = _flushed(root)

    def apply(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            self._apply(operation)

    def _apply(self, operation: Operation) -> None:
        try:
            folder, name = self._place(operation.path)
        except KeyError:
            # Python tries to make a folder before those it lies in, and then once more.
            assert operation.kind == "make"
            return
        node = folder.now().get(name) if name else self._top
        if operation.kind == "create":
            if isinstance(node, File):
                node.written = b""
            else:
                folder.steps.append({name: File()})
        elif operation.kind == "make":
            if node is None:
                folder.steps.append({name: Folder()})
        elif operation.kind == "write":
            assert isinstance(node, File)
            node.written += operation.content
        elif operation.kind == "sync" and not isinstance(node, Folder):
            if node is None:  # what native code wrote is seen only now
                node = File()
                folder.steps.append({name: node})
            node.flushed = node.written = operation.content
        elif operation.kind == "sync" and isinstance(node, Folder):
            unseen: dict[str, File | Folder] = {name: File() for name in operation.names}
            node.flushed, node.steps = unseen | node.now(), []
        elif operation.kind == "rename":
            target, new_name = self._place(operation.target)
            assert node is not None
            if target is folder:
                folder.steps.append({name: None, new_name: node})
            else:
                target.steps.append({new_name: node})
                folder.steps.append({name: None})
        elif operation.kind == "remove" and node is not None:
            folder.steps.append({name: None})

    def _place(self, path: str) -> tuple[Folder, str]:
        parts = PurePosixPath(path).relative_to(self._root).parts
        folder = self._top
        for part in parts[:-1]:
            inner = folder.now()[part]
            assert isinstance(inner, Folder), path
            folder = inner
        return folder, parts[-1] if parts else ""

    def after_a_power_cut(self, rng: random.Random) -> dict[str, bytes]:
        """Return one of the states that the disk may be in, files by their paths."""
        found: dict[str, bytes] = {}
        waiting = [("", self._top)]
        while waiting:
            place, folder = waiting.pop()
            for name, node in folder.now(rng.randint(0, len(folder.steps))).items():
                if isinstance(node, Folder):
                    waiting.append((f"{place}{name}/", node))
                else:
                    found[place + name] = _content(node, rng)
        return found


def lay_out(files: dict[str, bytes], folder: Path) -> None:
    """Write a state of a disk."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _content(file: File, rng: random.Random) -> bytes:
    if file.written == file.flushed:
        return file.flushed
    return rng.choice([file.flushed, file.written[: len(file.written) // 2], file.written])


def _flushed(path: Path) -> Folder:
    entries: dict[str, File | Folder] = {}
    for child in path.iterdir() if path.is_dir() else ():
        if child.is_dir():
            entries[child.name] = _flushed(child)
        else:
            content = child.read_bytes()
            entries[child.name] = File(content, content)
    return Folder(entries)
