"""The state a run or sub-graph starts with (S1.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from graphflow.core.plan import Plan
from graphflow.core.sealing import all_texts, scrubbed
from graphflow.errors import InputInvalid, shown, unknown_name


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def checked(plan: Plan, state: Any) -> dict[str, Any]:
    """The validated values of a start state (an instance or a mapping). Raises InputInvalid; nothing changes."""
    known = {*plan.schema.fields, *_aliases(plan)}
    unknown = [name for name in state if name not in known] if _is_mapping(state) else []
    if isinstance(state, type) or not (_is_mapping(state) or isinstance(state, plan.state)):
        _refuse_other(plan, state)
    try:
        values = plan.schema.start(state)
    except ValidationError as error:
        raise input_invalid(plan, error, unknown) from None
    if unknown:
        raise input_invalid(plan, None, unknown)
    return values


def _refuse_other(plan: Plan, state: object) -> None:
    """What is no instance of the state, and no dict of its fields. Raises InputInvalid; some models take such a thing."""
    try:
        plan.schema.start(state)
    except ValidationError:
        kind = f"of type {type(state).__name__}" if plan.schema.secret_names else shown(state)
        given = f"the class {state.__name__}" if isinstance(state, type) else kind
        needed = ", ".join(f"{name}=..." for name, spec in plan.schema.fields.items() if spec.required)
        raise InputInvalid(
            f"The state for graph {plan.name!r} cannot be {given}",
            why="A graph is given the class of its state, a run an instance of it, or a dict of its fields. (S1.1)",
            fix=f"Give an instance: graph.run({plan.state.__name__}({needed})).",
        ) from None


def _aliases(plan: Plan) -> set[str]:
    return {alias for info in plan.state.model_fields.values() for alias in _aliases_of(info)}


def _aliases_of(info: FieldInfo) -> set[str]:
    return {alias for alias in (info.alias, info.validation_alias) if isinstance(alias, str)}


def input_invalid(plan: Plan, error: ValidationError | None, unknown: Sequence[Any] = ()) -> InputInvalid:
    """A start state that does not validate, field by field, with the nearest names for unknown ones."""
    fields = plan.schema.fields
    lines = [f"{name}: there is no such field. {unknown_name(str(name), fields)}" for name in unknown]
    for detail in error.errors(include_url=False, include_context=False) if error is not None else ():
        place = ".".join(map(str, detail["loc"])) or plan.state.__name__
        given = detail["input"]
        if plan.schema.secret_names and (not detail["loc"] or detail["loc"][0] not in _plain_names(plan)):
            lines.append(f"{place}: {scrubbed(detail['msg'], all_texts(given))}")
            continue
        lines.append(f"{place}: {detail['msg']}" + ("" if detail["type"] == "missing" else f" (is {shown(given)})"))
    return InputInvalid(
        f"The state for graph {plan.name!r} is no valid {plan.state.__name__}",
        why="\n".join(lines) + " (S1.1)",
        fix=f"Its fields are: {', '.join(_field_hint(plan, name) for name in fields)}.",
    )


def _plain_names(plan: Plan) -> set[str]:
    """What fields without secrets are called where a state is given: only of these the value is shown."""
    infos = plan.state.model_fields
    names = plan.schema.fields.keys() - set(plan.schema.secret_names)
    return names | {alias for name in names for alias in _aliases_of(infos[name])}


def _field_hint(plan: Plan, name: str) -> str:
    return name + (" (required)" if plan.schema.fields[name].required else "")
