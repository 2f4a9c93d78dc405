"""Every error that the source raises: its code and its sentences, read from the syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent.parent.parent / "habitue"
CLASSES = {
    "HabitueError": "error",
    "Refused": "refused",
    "SettingsError": "settings",
    "FileRefused": "file_refused",
    "NotReady": "not_ready",
    "NotEnoughData": "not_enough_data",
    "UnknownName": "unknown_name",
    "MissingExtra": "missing_extra",
    "Failed": "failed",
}
GAP = "\x00"


@dataclass(frozen=True)
class Raised:
    """One place where an error is made; a gap in its texts is `GAP`."""

    place: str
    code: str
    message: str
    fix: str


def raised() -> Iterator[Raised]:
    """Yield all errors made anywhere in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name in CLASSES and (node.args or node.keywords):
                    yield _raised(f"{path.relative_to(PACKAGE)}:{node.lineno}", name, node)


def _raised(place: str, name: str, call: ast.Call) -> Raised:
    given = {one.arg: one.value for one in call.keywords}
    message = text_of(given.get("message", call.args[0] if call.args else None))
    if name == "MissingExtra" and len(call.args) == 2:
        message = f"{text_of(call.args[1])} needs packages that are not installed."
    code = given.get("code")
    told = text_of(code) if code is not None else CLASSES[name]
    return Raised(place, told, message, text_of(given.get("fix")))


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every text of a module with its line, but for docstrings; a gap is `GAP`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr):
            skipped.add(node.body[0].value)
        if isinstance(node, ast.JoinedStr):
            skipped.update(one for one in ast.walk(node) if one is not node)
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (is_text or isinstance(node, ast.JoinedStr)) and node not in skipped:
            yield node.lineno, text_of(node)  # type: ignore[attr-defined,arg-type]


def text_of(node: ast.expr | None) -> str:
    """Return a literal text, what is filled in replaced by `GAP`."""
    if node is None:
        return ""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            text_of(one) if isinstance(one, ast.Constant) else GAP for one in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    return GAP
