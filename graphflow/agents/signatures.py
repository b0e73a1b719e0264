"""A tool's function, read once at its declaration: its parameters as a JSON schema, its docstring as description."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, cast, get_args, get_origin

from pydantic import ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from typing_extensions import TypedDict

from graphflow.agents.json_types import JsonType
from graphflow.errors import Place, ToolInvalid, shown
from graphflow.graph.context import Context
from graphflow.graph.signatures import UNKNOWN, Hints

_SECTION = re.compile(r"^\s*(Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?|Notes?)\s*:?\s*$")
_SPHINX = re.compile(r"^\s*:(?:param|parameter|arg)\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")
_GOOGLE = re.compile(r"^\s+\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a model gives (``given``, as a JSON type), and the name of the parameter that gets the context, if any."""

    given: JsonType
    context: str | None


def parameters_of(function: Callable[..., Any], name: str, names: Mapping[str, object], place: Place) -> Parameters:
    """Reads a tool's signature. ``names`` are those in sight where it was declared. Raises ToolInvalid."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise _invalid(f"Tool {name!r} has no signature", str(error), "Give a Python function.", place) from None
    hints = Hints(function, names)
    described = described_parameters(inspect.getdoc(function) or "")
    context: str | None = None
    fields: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for parameter in parameters:
        annotation = hints.of(parameter)
        if _is_context(annotation):
            context = parameter.name
            continue
        _refuse(parameter, annotation, name, place)
        field = _field(annotation, described.get(parameter.name))
        if parameter.default is not inspect.Parameter.empty:
            defaults[parameter.name] = parameter.default
            field = NotRequired[field]
        fields[parameter.name] = field
    return Parameters(arguments_type(name, fields, defaults, place), context)


def description_of(function: Callable[..., Any]) -> str:
    """What a docstring says before its sections about parameters and results."""
    lines: list[str] = []
    for line in (inspect.getdoc(function) or "").splitlines():
        if _SECTION.match(line) or _SPHINX.match(line) or line.strip().startswith(":return"):
            break
        lines.append(line)
    return "\n".join(lines).strip()


def described_parameters(text: str) -> dict[str, str]:
    """Parameter -> description, from a docstring in the style of Google or Sphinx.

    >>> described_parameters("Find.\\n\\nArgs:\\n    query: What to look for.")
    {'query': 'What to look for.'}
    """
    found: dict[str, str] = {}
    is_inside, last = False, ""
    for line in text.splitlines():
        if sphinx := _SPHINX.match(line):
            found[sphinx[1]], last = sphinx[2].strip(), sphinx[1]
        elif section := _SECTION.match(line):
            is_inside, last = section[1] in ("Args", "Arguments", "Parameters"), ""
        elif is_inside and (google := _GOOGLE.match(line)):
            found[google[1]], last = google[2].strip(), google[1]
        elif last and line.strip():
            found[last] = f"{found[last]} {line.strip()}".strip()
        elif not line.strip():
            last = ""
    return {name: said for name, said in found.items() if said}


def _is_context(annotation: Any) -> bool:
    return annotation is Context or get_origin(annotation) is Context


def _refuse(parameter: inspect.Parameter, annotation: Any, name: str, place: Place) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise _invalid(
            f"Tool {name!r} takes {parameter}, which a model cannot give by name",
            "A model gives arguments by name, one for each parameter.",
            f"Name each parameter of {name}.",
            place,
        )
    if annotation is UNKNOWN:
        raise _invalid(
            f"Parameter {parameter.name!r} of tool {name!r} has no annotation",
            "The schema that the model sees is made from the annotations.",
            f"Write {parameter.name}: str, or whatever it is.",
            place,
        )
    if isinstance(annotation, str):
        raise _invalid(
            f"The annotation {annotation!r} of parameter {parameter.name!r} of tool {name!r} cannot be resolved",
            "The name is not there when the program runs: it is imported for type checkers only, or misspelt.",
            "Import it outside `if TYPE_CHECKING`.",
            place,
        )


def _field(annotation: Any, described: str | None) -> Any:
    has_own = get_origin(annotation) is Annotated and any(
        isinstance(part, FieldInfo) and part.description for part in get_args(annotation)[1:]
    )
    return annotation if described is None or has_own else Annotated[annotation, Field(description=described)]


def arguments_type(name: str, fields: dict[str, Any], defaults: dict[str, Any], place: Place) -> JsonType:
    """The type of a tool's arguments, each with its annotation. Those with a default are ``NotRequired``."""
    # a TypedDict and not a model: parameters may be called "copy" or "schema", which a model has already
    make: Any = TypedDict
    given = make(name, fields)
    given.__pydantic_config__ = ConfigDict(extra="forbid")
    made = JsonType(given, place)
    properties = cast("dict[str, dict[str, Any]]", made.schema.get("properties", {}))
    for parameter, default in defaults.items():
        try:
            properties[parameter].setdefault("default", to_jsonable_python(default))
        except ValueError:
            continue  # a default that JSON cannot show is left unsaid
    return made


def _invalid(what: str, why: str, fix: str, place: Place) -> ToolInvalid:
    return ToolInvalid(what, why=why, fix=fix, where=(place,))


def not_a_tool(value: object, place: Place) -> ToolInvalid:
    """What was given as a tool is none."""
    return _invalid(f"{shown(value)} is no tool", "A tool is a typed Python function.", "Give a function.", place)
