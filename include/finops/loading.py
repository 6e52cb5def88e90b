"""Definition files from a folder. A bad file never takes the good ones away.

This runs at each parse of the DAG files, so it reads nothing but the folder's own files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import ValidationError

from finops.definition_errors import DefinitionError, translate
from finops.definition_fields import Definition
from finops.export_definition import ExportDefinition
from finops.scenario_definition import ScenarioDefinition

try:
    from yaml import CSafeLoader as YamlLoader  # libyaml: several times faster
except ImportError:
    from yaml import SafeLoader as YamlLoader  # type: ignore[assignment]

D = TypeVar("D", bound=Definition)

_SYNTAX_REMEDY = "Look for a missing quote, a tab or wrong indentation in this line or above it"


@dataclass(frozen=True)
class Loaded(Generic[D]):
    """What a folder holds.

    :param definitions: the good files' definitions, sorted by name.
    :param errors: all mistakes of the bad files, in the order of the files.
    """

    definitions: tuple[D, ...]
    errors: tuple[DefinitionError, ...]


def load_exports(folder: str | Path) -> Loaded[ExportDefinition]:
    """Return the exports of a folder of ``.yaml`` and ``.yml`` files. Raises nothing: see ``errors``."""
    return _load(Path(folder), ExportDefinition)


def load_scenarios(folder: str | Path) -> Loaded[ScenarioDefinition]:
    """Return the scenarios of a folder of ``.yaml`` and ``.yml`` files. Raises nothing: see ``errors``."""
    return _load(Path(folder), ScenarioDefinition)


def _load(folder: Path, model: type[D]) -> Loaded[D]:
    by_name: dict[str, list[tuple[str, D]]] = defaultdict(list)
    errors: list[DefinitionError] = []
    if not folder.is_dir():
        errors.append(DefinitionError(folder.name, "the folder", "does not exist", "Create it, or correct its path"))
    for path in _files(folder):
        file = f"{folder.name}/{path.name}"
        try:
            definition = model.model_validate(_content(path, file))
            by_name[definition.name].append((file, definition))
        except ValidationError as error:
            errors.extend(translate(file, model, error))
        except DefinitionError as error:
            errors.append(error)
    for name, found in by_name.items():
        errors.extend(_same_name(name, [file for file, _ in found]))
    good = [found[0][1] for _, found in sorted(by_name.items()) if len(found) == 1]
    return Loaded(tuple(good), tuple(sorted(errors, key=lambda error: error.file)))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix in (".yaml", ".yml") and not p.name.startswith("."))


def _same_name(name: str, files: list[str]) -> Iterator[DefinitionError]:
    for file in files if len(files) > 1 else ():
        others = ", ".join(other for other in files if other != file)
        problem = f"{name} is also the name in {others}, so none of these files is used"
        yield DefinitionError(file, "name", problem, "Rename or delete one")


class _Loader(YamlLoader):
    """YAML's safe subset; a key that is there twice is a mistake, where YAML would take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def _content(path: Path, file: str) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise DefinitionError(file, "the file", problem, "Check its permissions") from None
    except UnicodeDecodeError:
        raise DefinitionError(file, "the file", "is not UTF-8 text", "Save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}" if mark else "the file"
        raise DefinitionError(file, place, f"is not valid YAML ({error.problem})", _SYNTAX_REMEDY) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        problem = f"is not valid YAML ({' '.join(str(error).split())})"
        raise DefinitionError(file, "the file", problem, "Correct the value, or put it in quotes") from None
    if content is None:
        raise DefinitionError(
            file, "the file", "is empty", "Fill it in after the pattern of its neighbours, or delete it"
        )
    if not isinstance(content, dict):
        problem = f"holds a {type(content).__name__} where a mapping belongs"
        raise DefinitionError(file, "the file", problem, "Write field: value lines")
    return content
