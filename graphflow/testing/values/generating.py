"""A strategy from a core schema of pydantic's: the walk over its parts.

What is made are *inputs* of the schema, given by the fields' names, so that validators see what they were written for;
the whole is validated at the end. Where a part has a validator of its own, its values are tried there, so that what is
refused is drawn again on the spot. A schema that contains itself is unrolled a few times, and then takes its least form.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from hypothesis import strategies as st
from pydantic_core import SchemaValidator, to_json

from graphflow.graph.demands import Demand
from graphflow.testing.values.accepting import Attempts, fitting, nothing
from graphflow.testing.values.around import NO_DEMAND, Around, refs_in
from graphflow.testing.values.containers import Containers, choices_of
from graphflow.testing.values.known_types import does_nothing, known_inputs, of_type
from graphflow.testing.values.scalars import SCALARS, Core, Values, is_constrained, near, sizes_near

_LEVELS = range(3, 9)  # how often a schema may contain itself: more, where its least form needs more
_PURE_FACTORIES = (list, dict, set, frozenset, tuple, str, int, float, bool, deque)


class Walk(Containers):
    """One walk over a schema. ``overrides`` are strategies for fields of the outermost model."""

    def __init__(self, overrides: Mapping[str, Values]) -> None:
        super().__init__()
        self.overrides: Mapping[str, Values] = overrides
        self._made: dict[tuple[str, int, bool], Values] = {}
        self._recursive: dict[str, bool] = {}

    def values(self, core: Core, around: Around) -> Values:
        """Inputs for any schema."""
        kind = core["type"]
        if kind in SCALARS:
            return self._scalar(core, around)
        make: Callable[[Core, Around], Values] | None = getattr(self, "_" + kind.replace("-", "_"), None)
        return self._unknown(core, around) if make is None else make(core, around)

    # -- single values ---------------------------------------------------------------------------------------------

    def _scalar(self, core: Core, around: Around) -> Values:
        kind, demand = core["type"], around.demand
        made = SCALARS[kind](core, around.config)
        if made.is_empty:
            self.reasons.append(f"The constraints of {around.where} leave no value.")
            return made
        config = {key: value for key, value in around.config.items() if key.startswith("str_")}
        if (is_constrained(core) or config) and kind not in ("int", "enum", "literal", "bytes", "uuid"):
            made = made.filter(fitting(SchemaValidator(cast("Any", core), cast("Any", around.config))))
        special = near(kind, demand)
        if kind == "str":
            special += ["x" * size for size in sizes_near(core, demand)]
            special += [f"{before}{part}" for part in demand.members if isinstance(part, str) for before in ("", "x")]
        if not special or kind in ("bool", "enum", "literal"):
            return made
        fits = fitting(SchemaValidator(cast("Any", core), cast("Any", around.config)))
        special = [value for value in special if fits(value)]
        return made | st.sampled_from(special) if special else made

    # -- what has fields -------------------------------------------------------------------------------------------

    def _model(self, core: Core, around: Around) -> Values:
        inside = replace(around, config=core.get("config") or {}, annotation=None)
        annotations: dict[str, Any] = {name: info.annotation for name, info in core["cls"].model_fields.items()}
        if core.get("root_model"):
            return self.values(core["schema"], replace(inside, annotation=annotations.get("root")))
        body = core["schema"]
        while body["type"] not in ("model-fields", "definition-ref"):
            if "schema" not in body:
                return self._unknown(core, around)
            body = body["schema"]  # a validator of the model's that sees its fields
        made = self._fields(body["fields"], inside, annotations)
        if around.is_strict:
            return self.validated(made, core, around)
        return made if body is core["schema"] else self.tried(made, core, around)

    def _fields(self, fields: Mapping[str, Core], around: Around, annotations: Mapping[str, Any]) -> Values:
        required: dict[str, Values] = {}
        optional: dict[str, Values] = {}
        overrides = self.overrides
        self.overrides = dict[str, Values]()  # of the outermost model alone
        for name, one in fields.items():
            if name in overrides:
                required[name] = overrides[name]
                continue
            made = self.values(one["schema"], around.at(name, annotations.get(name)))
            may_lack = one.get("required") is False or self._has_default(one["schema"], around)
            if not may_lack or (name in around.must_have and not made.is_empty):
                required[name] = made
            elif not made.is_empty:
                optional[name] = made
        return st.fixed_dictionaries(required, optional=optional)

    def _has_default(self, core: Core, around: Around) -> bool:
        """Whether a field may be left out: its default is valid, and the same each time (a test is played again)."""
        if core["type"].startswith("function-"):
            return "schema" in core and self._has_default(core["schema"], around)
        if core["type"] != "default":
            return False
        if "default" in core:
            return self.is_valid(core["schema"], core["default"], around)
        return core.get("default_factory") in _PURE_FACTORIES

    def _typed_dict(self, core: Core, around: Around) -> Values:
        total = core.get("total", True)
        fields = {name: {"required": total, **one} for name, one in core["fields"].items()}
        return self._fields(fields, replace(around, config=core.get("config") or around.config), {})

    def _dataclass(self, core: Core, around: Around) -> Values:
        inside = replace(around, config=core.get("config") or around.config, annotation=None)
        body = core["schema"]
        while body["type"] != "dataclass-args":
            body = body["schema"]
        fields = {one["name"]: one for one in body["fields"] if one.get("init", True)}
        made = self._fields(fields, inside, {})
        return self.validated(made, core, around) if around.is_strict else made

    def _named_tuple(self, core: Core, around: Around) -> Values:
        parts = [self.values(one["schema"], around.at(one["name"], None)) for one in core["fields"]]
        made: Callable[[Any], Any] = core["cls"]._make
        return st.tuples(*parts).map(made)

    def _call(self, core: Core, around: Around) -> Values:
        """A function of values: a NamedTuple, in older versions of pydantic."""
        parts = core["arguments_schema"].get("arguments_schema", ())
        return st.tuples(*(self.values(one["schema"], around.at(one["name"], None)) for one in parts))

    def _of_type(self, annotation: Any, around: Around) -> Values:
        try:
            return of_type(annotation)
        except Exception as error:  # whatever Hypothesis and the user's class raise
            self.reasons.append(f"{around.where}: {str(error).splitlines()[0]}")
            return st.nothing()

    # -- alternatives ----------------------------------------------------------------------------------------------

    def _nullable(self, core: Core, around: Around) -> Values:
        return st.none() | self.values(core["schema"], around)

    def _default(self, core: Core, around: Around) -> Values:
        return self.values(core["schema"], around)

    def _union(self, core: Core, around: Around) -> Values:
        choices = [choice for choice in choices_of(core) if not _is_pydantics_own(choice)] or list(choices_of(core))
        return st.one_of([made for one in choices if not (made := self.values(one, around)).is_empty])

    def _tagged_union(self, core: Core, around: Around) -> Values:
        tag = core["discriminator"]
        inside = replace(around, must_have=frozenset({tag} if isinstance(tag, str) else ()))
        found: list[Values] = []
        for choice in core["choices"].values():
            if not isinstance(choice, dict):
                continue  # another name of a choice that is there as well
            made = self.values(cast("Core", choice), inside)
            if not made.is_empty:
                found.append(made if isinstance(tag, str) else self.validated(made, cast("Core", choice), around))
        return st.one_of(found)

    def _lax_or_strict(self, core: Core, around: Around) -> Values:
        is_opaque = core["lax_schema"]["type"] == "function-plain"
        return self.values(core["strict_schema" if around.is_strict or is_opaque else "lax_schema"], around)

    def _json_or_python(self, core: Core, around: Around) -> Values:
        return self.values(core["python_schema"], around)

    def _definitions(self, core: Core, around: Around) -> Values:
        self.definitions.update({one["ref"]: one for one in core["definitions"]})
        return self.values(core["schema"], around)

    def _definition_ref(self, core: Core, around: Around) -> Values:
        ref = core["schema_ref"]
        is_recursive = self._recursive.get(ref)
        if is_recursive is None:
            is_recursive = self._recursive[ref] = ref in self._refs_below(self.definitions[ref])
        if not is_recursive:
            return self.values(self.definitions[ref], around)
        if not around.left:
            return st.nothing()
        key = (ref, around.left, around.is_strict)
        has_asked = around.demand is not NO_DEMAND or bool(around.must_have) or bool(self.overrides)
        if has_asked or key not in self._made:
            made = self.values(self.definitions[ref], replace(around, left=around.left - 1, is_inside=True))
            if has_asked:
                return made
            self._made[key] = made
        return self._made[key]

    def _refs_below(self, core: Core) -> set[str]:
        found: set[str] = set()
        queue = list(refs_in(core))
        while queue:
            ref = queue.pop()
            if ref not in found and ref in self.definitions:
                found.add(ref)
                queue.extend(refs_in(self.definitions[ref]))
        return found

    # -- validators and types of the user's ------------------------------------------------------------------------

    def _function_after(self, core: Core, around: Around) -> Values:
        known = known_inputs(core)
        return self.tried(self.values(core["schema"], around) if known is None else known, core, around)

    _function_before = _function_after
    _function_wrap = _function_after

    def _function_plain(self, core: Core, around: Around) -> Values:
        known = known_inputs(core)
        if known is not None:
            return self.tried(known, core, around)
        meant = core.get("serialization", {}).get("schema") or core.get("json_schema_input_schema")
        if meant is not None and meant["type"] != "any":
            return self.tried(self.values(meant, around), core, around)
        if around.annotation is not None:
            return self.tried(self._of_type(around.annotation, around), core, around)
        return self.tried(SCALARS["any"](core, around.config), core, around)

    def _chain(self, core: Core, around: Around) -> Values:
        steps = [one for one in core["steps"] if one["type"] not in ("is-instance", "any")] or core["steps"]
        return self.tried(self.values(steps[0], around), core, around)

    def _custom_error(self, core: Core, around: Around) -> Values:
        return self.values(core["schema"], around)

    def _json(self, core: Core, around: Around) -> Values:
        inner = core.get("schema", {"type": "any"})
        return self.validated(self.values(inner, around.within()), inner, around).map(
            lambda value: to_json(value).decode()
        )

    def _is_instance(self, core: Core, around: Around) -> Values:
        return self._of_type(core["cls"], around)

    def _is_subclass(self, core: Core, around: Around) -> Values:
        return st.just(core["cls"])

    def _callable(self, core: Core, around: Around) -> Values:
        return st.just(does_nothing)

    def _unknown(self, core: Core, around: Around) -> Values:
        if around.annotation is not None:
            return self.tried(self._of_type(around.annotation, around), core, around)
        self.reasons.append(f"Nothing is known of the schema {core['type']!r} of {around.where}.")
        return st.nothing()


def _is_pydantics_own(core: Core) -> bool:
    """Whether an alternative is an instance of a class of pydantic's, which another alternative makes better."""
    return core["type"] == "is-instance" and str(getattr(core["cls"], "__module__", "")).startswith("pydantic")


def inputs_of(
    core: Core, where: str, overrides: Mapping[str, Values], demand: Demand
) -> tuple[Values, Sequence[Attempts]]:
    """A strategy of inputs for a whole schema, and what it tries on the way, innermost first.

    Raises NothingGenerated where no value is possible.
    """
    reasons: list[str] = []
    for left in _LEVELS:
        walk = Walk(overrides)
        made = walk.values(core, Around(where, left, demand))
        if not made.is_empty:
            return made, walk.attempts
        reasons = walk.reasons
    raise nothing(where, "\n".join(dict.fromkeys(reasons)) or "Its least value is infinite: it contains itself.")
