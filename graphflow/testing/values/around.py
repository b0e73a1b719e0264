"""What every walk over a schema knows: where it is, what may be referred to, and how a part is tried by itself."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pydantic_core import SchemaError, SchemaValidator

from graphflow.graph.demands import Demand
from graphflow.testing.values.accepting import Attempts, accepted, fitting
from graphflow.testing.values.known_types import looks_around
from graphflow.testing.values.scalars import Core, Values

NO_DEMAND = Demand()
_PLAIN = (str, int, float, bool, bytes, type(None))


@dataclass(frozen=True, slots=True)
class Around:
    """What holds at a part of a schema. ``where`` names it in messages; ``left`` is how often it may yet contain itself."""

    where: str
    left: int
    demand: Demand = field(default_factory=lambda: NO_DEMAND)
    config: Core = field(default_factory=dict[str, Any])
    is_inside: bool = False
    must_have: frozenset[str] = frozenset()
    annotation: Any = None

    @property
    def is_strict(self) -> bool:
        return bool(self.config.get("strict"))

    def at(self, name: str, annotation: Any) -> Around:
        """One field of what is here."""
        below = self.demand.below.get(name, NO_DEMAND)
        where = f"{name!r} of {self.where}"
        return replace(self, where=where, demand=below, annotation=annotation, must_have=frozenset())

    def within(self, demand: Demand = NO_DEMAND) -> Around:
        """An element of what is here."""
        return replace(self, demand=demand, annotation=None, must_have=frozenset())


class Ground(ABC):
    """The definitions a schema refers to, the reasons why there is no value for a part, and how values are tried."""

    def __init__(self) -> None:
        self.definitions: dict[str, Core] = {}
        self.reasons: list[str] = []
        self.attempts: list[Attempts] = []

    @abstractmethod
    def values(self, core: Core, around: Around) -> Values:
        """Inputs for any schema."""

    def tried(self, inputs: Values, core: Core, around: Around) -> Values:
        """Inputs that a part of the schema accepts by itself; of one that looks at other fields, any."""
        validator = None if inputs.is_empty or looks_around(core) else self._validator(core, around)
        if validator is None:
            return inputs
        validate = validator.validate_python

        def attempt(value: Any) -> Any:
            tried = value if type(value) in _PLAIN else copy.deepcopy(value)  # a validator may alter what it is given
            validate(tried, by_alias=False, by_name=True)
            return value

        return accepted(inputs, attempt, self._attempts(around))

    def validated(self, inputs: Values, core: Core, around: Around) -> Values:
        """What a part of the schema makes of inputs, for where the input itself will not do."""
        validator = None if inputs.is_empty else self._validator(core, around)
        if validator is None:
            return inputs
        validate = validator.validate_python
        return accepted(
            inputs,
            lambda value: validate(value, strict=False, by_alias=False, by_name=True),
            self._attempts(around),
        )

    def _attempts(self, around: Around) -> Attempts:
        self.attempts.append(Attempts(around.where))
        return self.attempts[-1]

    def is_valid(self, core: Core, value: Any, around: Around) -> bool:
        validator = self._validator(core, around)
        return validator is None or fitting(validator)(value)

    def _validator(self, core: Core, around: Around) -> SchemaValidator | None:
        whole: Any = core
        if self.definitions and any(True for _ in refs_in(core)):
            whole = {"type": "definitions", "schema": core, "definitions": list(self.definitions.values())}
        try:
            return SchemaValidator(whole, cast("Any", around.config))
        except SchemaError:
            return None


def refs_in(core: Any) -> Iterator[str]:
    """The definitions a schema refers to."""
    if isinstance(core, dict):
        table = cast("dict[str, Any]", core)
        if table.get("type") == "definition-ref":
            yield table["schema_ref"]
        for key, part in table.items():
            if key not in ("metadata", "serialization", "cls", "config", "function"):
                yield from refs_in(part)
    elif isinstance(core, list | tuple):
        for part in cast("list[Any]", core):
            yield from refs_in(part)
