"""Where the runs of a test start: as given, and else any value for what a user of the graph gives it.

What has no default is made up. What has one and is written by no node (``inputs``) is left as declared in a third of all
runs and toward that it shrinks; else it is made up, too, among small values. Everything else, counters and results, starts
as declared. ``words`` says which is which, for reports.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.errors.testing import NothingGenerated
from graphflow.testing.values.choices import Choices, by_chance, refused
from graphflow.testing.values.chosen import Constant, FromStrategy, Maker, Values, is_strategy
from graphflow.testing.values.inputs import check_given, inputs_of, start_words

_MOST_TRIES = 20
_HOPELESS = 200
_PROBES = 3
_AS_DECLARED = object()


@dataclass(slots=True, eq=False)
class Input:
    """What is left as declared, or made up. Raises NothingGenerated where no value can be."""

    values: Values

    def __post_init__(self) -> None:
        for seed in range(_PROBES):  # told here: what a walk draws may not depend on what an earlier one drew
            by_chance(self.values.draw, seed)

    def draw(self, data: Choices) -> Any:
        return self.values.draw(data) if data.draw_integer(0, 2) else _AS_DECLARED


@dataclass(slots=True, eq=False)
class Start:
    """A start state, field by field, valid as a whole. Raises NothingGenerated if its validators refuse whatever is drawn."""

    model: type[BaseModel]
    fields: Mapping[str, Values]
    inputs: Mapping[str, Input]
    words: str
    refused: int = 0
    accepted: int = 0
    why: str = ""
    _declared: Any = field(default=None, repr=False)

    def draw(self, data: Choices) -> Any:
        for number in range(_MOST_TRIES):
            given = {name: values.draw(data) for name, values in self.fields.items()}
            if 2 * number < _MOST_TRIES:  # where inputs do not go together they stay as declared
                for name, one in self.inputs.items():
                    value = one.draw(data)
                    if value is not _AS_DECLARED:
                        given[name] = value
            if not given and self._declared is not None:
                return self._declared
            try:
                made = self.model.model_validate(given, by_name=True, by_alias=False)
            except ValidationError as error:
                self.refused += 1
                self.why = str(error.errors(include_url=False)[0]["msg"])
                continue
            self.accepted += 1
            if not given:
                self._declared = made
            return made
        if not self.accepted and self.refused >= _HOPELESS:
            name = self.model.__name__
            raise NothingGenerated(
                f"No {name} to start from could be made up",
                why=f"{self.refused} were tried, and its validators refused them all, the last one because: {self.why}",
                fix=f"Say where runs start: start={name}(...), or start=st.builds({name}, ...).",
            )
        return refused()


def start_values(plan: Plan, start: Any, maker: Maker, may_vary: Collection[str] | None = None) -> Values:
    """Where runs start. ``may_vary`` are the fields with a default that are made up all the same: unless told, all inputs.

    Raises InputInvalid.
    """
    if is_strategy(start):
        return FromStrategy(start)
    if start is not None and not isinstance(start, Mapping):
        Machine(plan).check_input(start)  # refused here rather than in the middle of a walk
        return Constant(start)
    given: Mapping[str, Any] = cast("Mapping[str, Any]", start) if start is not None else {}
    check_given(plan, {name: value for name, value in given.items() if not is_strategy(value)})
    fields: dict[str, Values] = {}
    inputs: dict[str, Input] = {}
    varied = inputs_of(plan) if may_vary is None else may_vary
    for name, info in plan.state.model_fields.items():
        if name in given:
            value = given[name]
            fields[name] = FromStrategy(value) if is_strategy(value) else Constant(value)
        elif info.is_required() or (info.default is PydanticUndefined and info.default_factory is None):
            fields[name] = maker.of_field(info.annotation, info.metadata, name)
        elif name in varied:
            try:
                inputs[name] = Input(maker.of_input(info.annotation, info.metadata, name))
            except NothingGenerated:  # of a type that nothing is known of
                continue
    made_up = [name for name in fields if name not in given]
    return Start(plan.state, fields, inputs, start_words(plan, given, made_up, inputs))


def words_of(values: Values) -> str:
    """Where runs started, for a report."""
    if isinstance(values, Start):
        return values.words
    return "as given" if isinstance(values, Constant) else "drawn from the strategy that was given"


def barren_in(values: Values) -> Iterator[str]:
    """The strategies of ``start=`` that were asked and never gave a value, as a message names them."""
    if isinstance(values, FromStrategy) and values.asked and not values.gave:
        yield f"start={values.strategy!r}"
    for name, one in values.fields.items() if isinstance(values, Start) else ():
        if isinstance(one, FromStrategy) and one.asked and not one.gave:
            yield f"{name!r} in start=: {one.strategy!r}"
