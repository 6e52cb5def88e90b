"""From a mistake in a definition file to one sentence that says where it is, what it is and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError


class DefinitionError(Exception):
    """One mistake in one definition file; ``str()`` is ``<file>: <field>: <what is wrong>. <remedy>``.

    :param file: the file's name with its folder, such as ``exports/cur2-daily.yaml``.
    :param field: the field's path, such as ``destination.bucket`` or ``columns[3]`` (the first entry is 0),
        or a line of the file.
    :param problem: what is wrong, without the full stop.
    :param remedy: what to do about it.
    """

    def __init__(self, file: str, field: str, problem: str, remedy: str) -> None:
        super().__init__(file, field, problem, remedy)
        self.file = file
        self.field = field
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        end = "" if self.remedy.endswith("?") else "."
        return f"{self.file}: {self.field}: {self.problem}. {self.remedy}{end}"


def mistake(problem: str, remedy: str) -> PydanticCustomError:
    """Return the error that a validator raises: what is wrong and what to do, each without its full stop."""
    return PydanticCustomError("mistake", "{problem}. {remedy}.", {"problem": problem, "remedy": remedy})


def missing_either(first: str, second: str) -> PydanticCustomError:
    """Return the error of a validator that found neither of two fields."""
    context = {
        "problem": f"is missing, and so is {first}",
        "remedy": f"Write either {first} or {second}",
        "fields": (first, second),
    }
    return PydanticCustomError("missing_either", "{problem}. {remedy}.", context)


def mistakes(found: Iterable[tuple[tuple[str | int, ...], PydanticCustomError]]) -> None:
    """Raise all the mistakes that a validator found, each at its place below the validated field."""
    details = [InitErrorDetails(type=error, loc=place, input=None) for place, error in found]
    if details:
        raise ValidationError.from_exception_data("definition", details)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, whatever its case, or None."""
    by_fold = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def choice(word: str, known: Sequence[str]) -> str:
    """Return the remedy for a word that is none of the known ones: the likely one, else all of them."""
    likely = nearest(word, known)
    return f"Did you mean {likely}?" if likely else f"Known: {', '.join(known)}"


def shown(value: object) -> str:
    """Return a value as a message shows it: quoted if it is a text, and never long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def translate(file: str, model: type[BaseModel], error: ValidationError) -> list[DefinitionError]:
    """Return pydantic's findings as sentences, in the order of the fields."""
    details = error.errors(include_url=False)
    sentences = []
    misspelt: set[tuple[str | int, ...]] = set()
    for each in details:
        if each["type"] == "extra_forbidden":
            *parent, key = each["loc"]
            if likely := nearest(str(key), _fields(model, parent)):
                misspelt.add((*parent, likely))
    for each in details:
        *parent, key = each["loc"] or ("",)
        wanted = each["ctx"]["fields"] if each["type"] == "missing_either" else (key,)
        if each["type"] in ("missing", "missing_either") and misspelt & {(*parent, field) for field in wanted}:
            continue  # the misspelt field has its sentence, with this name in it
        problem, remedy = _explain(model, each)
        sentences.append(DefinitionError(file, _path(each["loc"]), problem, remedy))
    return sentences


def _path(place: Sequence[str | int]) -> str:
    path = ""
    for part in place:
        if part == "[key]":  # pydantic's mark for the key itself
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".") or "the file"


def _explain(model: type[BaseModel], error: ErrorDetails) -> tuple[str, str]:
    kind, value = error["type"], error["input"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind in ("mistake", "missing_either"):
        return context["problem"], context["remedy"]
    if kind == "missing":
        return "is missing", f"Add {error['loc'][-1]}: to the file"
    if kind == "extra_forbidden":
        *parent, key = error["loc"]
        return "is not a field", choice(str(key), sorted(_fields(model, parent)))
    if kind == "literal_error":
        return f"{shown(value)} is not allowed", choice(str(value), re.findall(r"'([^']*)'", context["expected"]))
    if kind == "invalid_key":
        return f"YAML reads this key as {_named(value)}, not as a text", "Put the key in quotes"
    if kind == "string_too_long":
        return f"has {len(value)} characters", f"Shorten it to {context['max_length']}"
    if kind == "greater_than_equal":
        return f"{shown(value)} is too small", f"Write {context['ge']:g} or more"
    if kind in _WANTED:
        return _wrong_type(_WANTED[kind], value)
    return f"{shown(value)} is refused: {error['msg']}", "Correct the value"


_TEXT = ("a text", "Write a text, in quotes if it looks like something else")
_MAPPING = ("a mapping", "Write key: value lines, indented below it")
_WHOLE = ("a whole number", "Write it without quotes and decimals")
_TIME = ("a time", "Write one such as 2026-11-01T00:00:00Z")
_WANTED = {
    "string_type": _TEXT,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "tuple_type": ("a list", "Write lines that begin with a dash, indented below it"),
    "float_type": ("a number", "Write it without quotes"),
    "finite_number": ("a finite number", "Write its digits"),
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "datetime_type": _TIME,
    "datetime_from_date_parsing": _TIME,
}


def _wrong_type(wanted: tuple[str, str], value: object) -> tuple[str, str]:
    noun, remedy = wanted
    if value is None:
        return f"is empty where {noun} belongs", "Write a value, or delete the line if the field is optional"
    if wanted is _TEXT and not isinstance(value, dict | list):
        return f"YAML reads this as {_named(value)} ({value}), not as a text", "Put the value in quotes"
    return f"{shown(value)} is {_named(value)} where {noun} belongs", remedy


def _named(value: object) -> str:
    names = {
        bool: "a truth value",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a mapping",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def _fields(model: type[BaseModel], place: Iterable[str | int]) -> set[str]:
    """Return the names that the file may use in the mapping at this place."""
    current: type[BaseModel] | None = model
    for part in place:
        if isinstance(part, int) or current is None:
            continue
        by_name = {field.alias or name: field for name, field in current.model_fields.items()}
        current = _model_within(by_name[part].annotation) if part in by_name else None
    if current is None:
        return set()
    return {field.alias or name for name, field in current.model_fields.items()}


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for each in get_args(annotation) if (model := _model_within(each))), None)
