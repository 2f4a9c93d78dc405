"""A wrong setting, told in one sentence: what it is, what was expected, where to correct it.

In: pydantic's complaint, and the layers the settings were read from. Out: a `SettingsError`. Knows
nothing about what the settings mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from habitue.errors import SettingsError, nearest

PREFIX = "HABITUE_"
BETWEEN = "__"  # stage and field in the name of a variable

EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number that is not endless",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "list_type": "a list",
    "dict_type": "a section of settings",
    "model_type": "a section of settings",
}
COMPARISONS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")

Location = tuple[int | str, ...]


@dataclass(frozen=True)
class Layer:
    """Where settings come from, and what they are there."""

    place: str  # a file's path, or "" where each setting has a variable or an option of its own
    values: Mapping[str, Any]
    is_environment: bool = False

    def says(self, location: Location) -> bool:
        """Whether the setting stands in this layer."""
        found: Any = self.values
        for part in location:
            is_list = isinstance(found, list) and isinstance(part, int) and part < len(found)
            if not is_list and not (isinstance(found, Mapping) and part in found):
                return False
            found = found[part]
        return True

    def correct(self, location: Location) -> str:
        """Return what to do about a wrong setting of this layer."""
        if self.is_environment:
            return f"Correct the variable {variable_name(location)}."
        return f"Correct it in {self.place}." if self.place else "Pass another value."


def variable_name(location: Location) -> str:
    """Return the environment variable of a setting.

    >>> variable_name(("training", "epochs"))
    'HABITUE_TRAINING__EPOCHS'
    """
    return PREFIX + BETWEEN.join(str(part).upper() for part in location)


def explain(
    error: ValidationError, model: type[BaseModel], layers: Sequence[Layer]
) -> SettingsError:
    """Turn pydantic's first complaint about `model` into one clear sentence.

    `layers` are in the order in which they overrule each other, the strongest last.
    """
    first = error.errors()[0]
    location = _location(first)
    name = _name(location, layers)
    layer = next((one for one in reversed(layers) if one.says(location)), layers[0])
    if first["loc"][-1] == "[key]":
        return SettingsError(
            f"'{first['input']}' cannot be a name in [{location[0]}]; expected {_expected(first)}.",
            fix=layer.correct(location),
        )
    if first["type"] == "extra_forbidden":
        known = _fields(model, location[:-1])
        return SettingsError(
            f"Setting '{name}' is unknown.{nearest(str(location[-1]), known)}",
            fix=f"{layer.correct(location)} Known here: {', '.join(known)}.",
        )
    if first["type"] == "missing":
        return SettingsError(
            f"Setting '{name}' is missing.",
            fix=f"Write it into {layers[0].place}; it has no default.",
        )
    fix = layer.correct(location)
    if first["type"] == "model_type":
        fix += f" Its fields are: {', '.join(_fields(model, location))}."
    # A URL may hold a password.
    shown = "something else" if location[-1] == "url" else repr(first["input"])
    return SettingsError(f"Setting '{name}' is {shown}; expected {_expected(first)}.", fix=fix)


def _expected(first: ErrorDetails) -> str:
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    message = f"a number {message}" if first["type"] in COMPARISONS else message
    return EXPECTED.get(first["type"], message)


def _location(first: ErrorDetails) -> Location:
    """Return the keys that lead to the value, without pydantic's own remarks at their end."""
    location = first["loc"]
    if location[-1] == "[key]":
        return location[:-1]
    remark = str(location[-1])
    return location[:-1] if remark == "str" or remark.startswith("list[") else location


def _name(location: Location, layers: Sequence[Layer]) -> str:
    """Return the setting as a dotted name; a source by its own name where it has one."""
    parts = [str(part) for part in location]
    if len(location) > 1 and isinstance(location[1], int):
        for layer in layers:
            if layer.says((*location[:2], "name")):
                parts[1] = str(layer.values[str(location[0])][location[1]]["name"])
    return ".".join(parts)


def _fields(model: type[BaseModel], location: Location) -> list[str]:
    """Return the fields of the section at `location`."""
    for part in location:
        field = model.model_fields.get(str(part))
        for candidate in [field.annotation, *get_args(field.annotation)] if field else []:
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return sorted(model.model_fields)
