"""Instructions and prompts: a template with fields of the state in braces, or a plain function of the view (S3.5)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_origin

from graphflow.errors import Place, PromptInvalid, shown
from graphflow.graph.context import Context
from graphflow.graph.cutting import cut
from graphflow.graph.places import names_of_caller
from graphflow.graph.prompts import ITEM_NAME, Template
from graphflow.graph.signatures import Hints

Text: TypeAlias = str | Callable[..., str]
"""Template text, or a plain function of the view. Further parameters: ``item`` is the map's item, and one annotated
``Context`` gets the context, with ``ctx.deps``."""

_LONGEST_PURPOSE = 90  # characters of a line on a drawing
_Role: TypeAlias = Literal["view", "item", "ctx"]


class Given:
    """The fields given to a run alone, as a function of the view reads them: ``view.topic``."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)


class AgentText:
    """The instructions or the prompt of an agent. Raises PromptInvalid where they are declared."""

    def __init__(self, given: object, what: str, agent: str, place: Place) -> None:
        self._template: Template | None = None
        self._function: Callable[..., object] | None = None
        self._positional: list[_Role] = []
        self._named: dict[str, _Role] = {}
        self._what = f"The {what} of agent {agent!r}"
        self._place = place
        if isinstance(given, str):
            self._template = Template(given)
        elif callable(given) and not isinstance(given, type):
            self._function = given
            self._read(given)
        else:
            raise self._invalid(
                f"{self._what} is {shown(given)}",
                "It is text with {fields} in braces, or a function of the view.",
                f'Write {what}="Topic: {{topic}}".',
            )

    @property
    def names(self) -> frozenset[str] | None:
        """The fields it names; None if it may read any."""
        return None if self._template is None else self._template.names

    @property
    def slots(self) -> tuple[tuple[str, ...], ...]:
        """What stands in braces, each with what stands after its dots."""
        return () if self._template is None else tuple(slot.path for slot in self._template.slots)

    @property
    def uncut(self) -> tuple[tuple[str, ...], ...]:
        """Those of the slots that have no limit of their own."""
        return () if self._template is None else tuple(slot.path for slot in self._template.slots if slot.limit is None)

    def first_line(self) -> str:
        """What it begins with, for drawings."""
        lines = self._template.text.strip().splitlines() if self._template is not None else []
        return cut(lines[0], _LONGEST_PURPOSE) if lines else ""

    def longest_field(self, view: Any, ctx: Context[Any]) -> str:
        """The field that makes it longest, as it is written in braces; empty if it names none."""
        if self._template is None or not self._template.slots:
            return ""
        given = vars(view) if isinstance(view, Given) else view
        lengths = {slot.path: len(Template(str(slot)).render(given, _items(ctx))) for slot in self._template.slots}
        path, _ = max(lengths.items(), key=lambda pair: pair[1])
        return ".".join(path)

    def render(self, view: Any, ctx: Context[Any]) -> str:
        """The text for one state. Raises PromptInvalid."""
        if self._template is not None:
            return self._template.render(vars(view) if isinstance(view, Given) else view, _items(ctx))
        assert self._function is not None
        items = _items(ctx)
        values: dict[_Role, Any] = {"view": view, "item": items[-1] if items else None, "ctx": ctx}
        text = self._function(
            *(values[role] for role in self._positional), **{name: values[role] for name, role in self._named.items()}
        )
        if inspect.isawaitable(text):
            if inspect.iscoroutine(text):
                text.close()
            raise self._must_not_wait("it gave something to be awaited")
        if not isinstance(text, str):
            raise self._invalid(
                f"{self._what} gave {shown(text)}", "A function of the view returns text.", "Return text."
            )
        return text

    def _read(self, function: Callable[..., object]) -> None:
        """Find out what each parameter is given."""
        called = getattr(type(function), "__call__", None)  # noqa: B004  (an object whose call is async)
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):
            raise self._must_not_wait("it is async")
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # one of Python's own, which does not say
            self._positional.append("view")
            return
        hints = Hints(function, names_of_caller())
        for parameter in parameters:
            if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                continue
            role = _role(parameter, hints.of(parameter), {*self._positional, *self._named.values()})
            if role is None:
                self._refuse(parameter)
            elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                self._positional.append(role)
            else:
                self._named[parameter.name] = role

    def _refuse(self, parameter: inspect.Parameter) -> None:
        if parameter.default is inspect.Parameter.empty:
            raise self._invalid(
                f"{self._what} takes a parameter {parameter.name!r} that nothing is given for",
                "A function of the view is given the view, then the item of the map, and a Context if one is annotated so.",
                "Write lambda view: ..., or def prompt(view: State, item: str, ctx: Context) -> str.",
            )

    def _must_not_wait(self, what: str) -> PromptInvalid:
        return self._invalid(
            f"{self._what} cannot be awaited: {what}",
            "A text is made from the state, at once and the same each time; what needs I/O is a node of its own, whose result "
            "is journalled and never fetched twice. (S3.5, S11.1)",
            "Fetch it in a node that writes it to a field, and name that field in braces.",
        )

    def _invalid(self, what: str, why: str, fix: str) -> PromptInvalid:
        return PromptInvalid(what, why=why, fix=fix, where=(self._place,))


def _role(parameter: inspect.Parameter, annotation: Any, taken: set[_Role]) -> _Role | None:
    if annotation is Context or get_origin(annotation) is Context:
        return None if "ctx" in taken else "ctx"
    if parameter.name == ITEM_NAME:
        return "item"
    if parameter.default is not inspect.Parameter.empty and "view" in taken:
        return None
    return next((role for role in ("view", "item") if role not in taken), None)


def _items(ctx: Context[Any]) -> tuple[Any, ...]:
    return ctx.items or (() if ctx.item is None else (ctx.item,))
