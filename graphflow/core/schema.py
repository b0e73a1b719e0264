"""The shared state's schema: which changes a field takes, how they fold, how they stand in a journal (S3, S7).

``Schema(State)`` is made once per graph. Values are kept as a plain dict, field name -> value. A change is validated
alone, by a validator compiled once per field; only where the model has validators of its own, or a field has
constraints on its folded value, more is validated. A replaced field stands in an update as ``"=name"`` (S7.3).
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeGuard

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, from_json, to_json

from graphflow.core.annotations import copier, early_validators, holds_anything, is_immutable, is_native, stripped
from graphflow.core.reducers import Local, Reducer, Replace, careful, is_function, reducer_in
from graphflow.core.refusals import must_dump, not_valid, told_reasons
from graphflow.core.sealing import sealing
from graphflow.errors import GraphflowError, StoreError, UpdateInvalid, unknown_name

Update = dict[str, Any]
"""Validated changes of one update: field name, or ``"=name"`` where Replace overrides the reducer."""


@dataclass(slots=True, eq=False)
class FieldSpec:
    """One field of the state, or, as ``"=name"``, the same field with its reducer overridden.

    ``change_type`` is the annotation of what an update gives, ``validate`` checks one, ``check`` (or None) the folded
    value, ``copy`` (or None) makes a node's own copy, ``dump`` and ``revive`` (or None) take a change to JSON and back.
    """

    name: str
    annotation: Any
    reducer: Reducer | None
    is_local: bool
    change_type: Any
    required: bool
    default: Any
    metadata: tuple[Any, ...]
    validate: Callable[[Any], Any]
    check: Callable[[Any], Any] | None
    copy: Callable[[Any], Any] | None
    copy_change: Callable[[Any], Any] | None
    dump: Callable[[Any], Any] | None
    revive: Callable[[Any], Any] | None
    is_open: bool  # may hold values that JSON gives back as others
    is_plain: bool  # a write without a reducer: conflicts with any other branch's write
    is_secret: bool = False  # holds secrets: they stand as tokens in what is dumped, and in no message

    def fold_into(self, values: dict[str, Any], own: set[str] | None, change: Any) -> None:
        """Fold a change into ``values``. Containers named in ``own`` belong to them alone and change in place."""
        reducer = self.reducer
        name = self.name
        if own and name in own and reducer is not None and reducer.absorb is not None:
            reducer.absorb(values[name], change)
            return
        if reducer is None:
            values[name] = change
            if own:
                own.discard(name)
            return
        absorb = reducer.absorb
        if absorb is not None and own is not None and type(values[name]) in (list, set, dict):
            if name not in own:
                values[name] = values[name].copy()
                own.add(name)
            absorb(values[name], change)
        else:
            values[name] = reducer.fold(values[name], change)

    def fold_all_into(self, values: dict[str, Any], own: set[str], changes: Sequence[Any]) -> None:
        """Fold many changes in order, as ``fold_into`` does one by one."""
        self.fold_into(values, own, changes[0])
        absorb_all = None if self.reducer is None else self.reducer.absorb_all
        if absorb_all is not None and self.name in own:
            absorb_all(values[self.name], changes[1:])
            return
        for change in changes[1:]:
            self.fold_into(values, own, change)


@dataclass(slots=True, eq=False)
class Schema:
    """Everything known of a state class. ``fields`` by name; ``specs`` also holds the ``"=name"`` forms.

    >>> from pydantic import BaseModel
    >>> class Count(BaseModel):
    ...     n: int = 0
    >>> Schema(Count).update({"n": "3"})
    {'n': 3}
    """

    state: type[BaseModel]
    fields: dict[str, FieldSpec] = field(init=False)
    specs: dict[str, FieldSpec] = field(init=False)
    has_field_validators: bool = field(init=False)
    has_model_validators: bool = field(init=False)
    has_checks: bool = field(init=False)
    has_locals: bool = field(init=False)
    local_names: tuple[str, ...] = field(init=False)
    secret_names: tuple[str, ...] = field(init=False)
    is_native: bool = field(init=False)
    memo: dict[Any, Any] = field(init=False, repr=False, default_factory=dict[Any, Any])  # what others worked out of it

    def __post_init__(self) -> None:
        decorators: Any = self.state.__pydantic_decorators__
        self.has_model_validators = bool(decorators.model_validators or decorators.root_validators)
        self.has_field_validators = bool(decorators.field_validators or decorators.validators)
        infos = self.state.model_fields
        self.fields = {
            name: _spec(name, info, self.state.model_config, early_validators(self.state, name))
            for name, info in infos.items()
        }
        self.specs = dict(self.fields)
        for name, spec in self.fields.items():
            self.specs["=" + name] = _replaced(spec, infos[name], self.state.model_config)
        self.has_checks = any(spec.check for spec in self.fields.values())
        self.local_names = tuple(name for name, spec in self.fields.items() if spec.is_local)
        self.has_locals = bool(self.local_names)
        self.secret_names = tuple(name for name, spec in self.fields.items() if spec.is_secret)
        self.is_native = all(spec.dump is None for spec in self.specs.values())

    def update(self, given: Mapping[str, Any], allowed: frozenset[str] | None = None) -> Update:
        """The validated changes of one update. Raises UpdateInvalid naming the field, the value and what is wrong."""
        changes: Update = {}
        specs = self.fields
        for name, value in given.items():
            spec = specs.get(name)
            if spec is None or (allowed is not None and name not in allowed):
                raise self._not_writable(name, allowed)
            if _is_replace(value):
                spec = self.specs["=" + name]
                name, value = "=" + name, value.value
            try:
                change = spec.validate(value)
            except ValidationError as error:
                raise not_valid(spec, value, error) from None
            if spec.dump is not None:
                must_dump(spec, change)
            changes[name] = change if spec.copy_change is None else spec.copy_change(change)
        return changes

    def _not_writable(self, name: object, allowed: frozenset[str] | None) -> UpdateInvalid:
        if allowed is not None and name in self.fields:
            return UpdateInvalid(
                f"The update changes {name!r}, which the node did not declare in its writes",
                why=f"Declared are {', '.join(sorted(allowed)) or 'none'}. (S3.5)",
                fix=f"Add {name} to the node's writes=, or leave it out of the update.",
            )
        return UpdateInvalid(
            f"The update has a field {name!r}, which {self.state.__name__} does not have",
            why="Only fields of the state can change; nothing of the update was kept. (S3.3)",
            fix=unknown_name(str(name), self.fields),
        )

    def check(self, values: dict[str, Any], changes: Update) -> dict[str, Any]:
        """Validate the folded ``values`` where the model asks for it; returns the fields that validation altered.

        Raises UpdateInvalid; the caller throws ``values`` away then.
        """
        altered: dict[str, Any] = {}
        if self.has_model_validators:
            return self._check_whole(values)
        for name in changes:
            spec = self.specs[name]
            if self.has_field_validators:
                self._check_assigned(spec.name, values, altered)
            elif spec.check is not None:
                try:
                    checked = spec.check(values[spec.name])
                except ValidationError as error:
                    raise not_valid(spec, values[spec.name], error, "the folded value") from None
                if spec.reducer is not None and spec.reducer.is_given and checked != values[spec.name]:
                    altered[spec.name] = values[spec.name] = checked
        return altered

    def _check_assigned(self, name: str, values: dict[str, Any], altered: dict[str, Any]) -> None:
        scratch = self.build(values)
        try:
            self.state.__pydantic_validator__.validate_assignment(scratch, name, values[name])
        except ValidationError as error:
            raise not_valid(self.fields[name], values[name], error) from None
        result = scratch.__dict__[name]
        if result != values[name]:
            altered[name] = values[name] = result

    def _check_whole(self, values: dict[str, Any]) -> dict[str, Any]:
        try:
            checked = self.state.model_validate(dict(values), by_name=True, by_alias=False).__dict__
        except ValidationError as error:
            raise UpdateInvalid(
                f"The state after the update is no valid {self.state.__name__}",
                why=told_reasons(error, self, values) + " (S3.2)",
                fix="Return values that satisfy the model's validators.",
            ) from None
        altered = {name: checked[name] for name in self.fields if checked[name] != values[name]}
        values.update(altered)
        return altered

    def check_all(self, values: dict[str, Any]) -> dict[str, Any]:
        """Validate a merged state once, as a join does (S6.4). Like ``check`` for every field."""
        if self.has_model_validators or self.has_field_validators:
            return self._check_whole(values)
        return self.check(values, dict.fromkeys(self.fields)) if self.has_checks else {}

    def start(self, given: Any) -> dict[str, Any]:
        """The values of a start state, given as an instance or a mapping; validated anew. Raises ValidationError."""
        if isinstance(given, self.state):
            given = {name: value for name, value in given.__dict__.items() if name in self.fields}
        values = self.state.model_validate(given, by_name=True, by_alias=True).__dict__
        return {name: copy.deepcopy(values[name]) for name in self.fields}

    def build(self, values: Mapping[str, Any]) -> Any:
        """An instance of the state class that holds ``values`` as they are, unvalidated."""
        made = self.state.__new__(self.state)
        object.__setattr__(made, "__dict__", dict(values))
        object.__setattr__(made, "__pydantic_fields_set__", set(self.fields))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made

    def snapshot(self, values: Mapping[str, Any]) -> Any:
        """An instance of the state class with copies of ``values``: altering it changes nothing."""
        fields = self.fields
        return self.build(
            {name: value if (own := fields[name].copy) is None else own(value) for name, value in values.items()}
        )

    def dump(self, changes: Update) -> Update:
        """Changes as JSON-able data, by the state's own schema."""
        specs = self.specs
        return {name: v if (dump := specs[name].dump) is None else dump(v) for name, v in changes.items()}

    def revive(self, data: Mapping[str, Any]) -> Update:
        """The inverse of ``dump``: typed changes from JSON data."""
        specs = self.specs
        return {name: v if (revive := specs[name].revive) is None else revive(v) for name, v in data.items()}

    def dump_state(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Whole values as JSON-able data."""
        specs = self.specs
        return {n: v if (dump := specs["=" + n].dump) is None else dump(v) for n, v in values.items()}

    def revive_state(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of ``dump_state``."""
        specs = self.specs
        return {n: v if (revive := specs["=" + n].revive) is None else revive(v) for n, v in data.items()}


def _is_replace(value: object) -> TypeGuard[Replace[Any]]:
    return type(value) is Replace


def _config(annotation: Any, config: ConfigDict) -> ConfigDict | None:
    """The model's configuration, where pydantic lets a lone annotation have one."""
    from_own = hasattr(annotation, "__pydantic_config__") or hasattr(annotation, "__pydantic_fields__")
    return None if from_own else config


def adapter(annotation: Any, config: ConfigDict | None = None) -> TypeAdapter[Any]:
    """A TypeAdapter for any annotation, with the model's configuration where that is allowed."""
    return TypeAdapter(annotation, config=_config(stripped(annotation), config) if config else None)


def _spec(name: str, info: FieldInfo, config: ConfigDict, early: Sequence[Any]) -> FieldSpec:
    annotation: Any = info.annotation
    reducer = reducer_in(info.metadata)
    constraints = [m for m in info.metadata if not isinstance(m, Reducer | Local) and not is_function(m)]
    whole = adapter(_constrained(annotation, constraints), config)
    change_type = annotation if reducer is None else reducer.takes(annotation)
    changes = whole if reducer is None else adapter(change_type, config)
    if early and reducer is None:
        changes = adapter(_constrained(annotation, [*constraints, *early]), config)
    if reducer is not None and reducer.is_given:
        reducer = careful(reducer, name, copier(annotation), copier(change_type))
    dump, revive, is_secret = _json(name, change_type, changes, constraints if reducer is None else [])
    return FieldSpec(
        name=name,
        annotation=annotation,
        reducer=reducer,
        is_local=any(isinstance(m, Local) for m in info.metadata),
        change_type=change_type,
        required=info.is_required(),
        default=None if info.default is PydanticUndefined else info.default,
        metadata=tuple(constraints),
        validate=_validate(changes, change_type),
        check=whole.validator.validate_python if reducer is not None and (constraints or reducer.is_given) else None,
        copy=copier(annotation),
        copy_change=_copy_change(change_type),
        dump=dump,
        revive=revive,
        is_open=holds_anything(change_type) or is_secret,
        is_plain=reducer is None,
        is_secret=is_secret,
    )


def _validate(adapted: TypeAdapter[Any], annotation: Any) -> Callable[[Any], Any]:
    """Nested models with aliases are taken by name as well: else what is given by name would be dropped (S3.3)."""
    validate = adapted.validator.validate_python
    return validate if is_native(annotation) else functools.partial(validate, by_alias=True, by_name=True)


def _constrained(annotation: Any, constraints: list[Any]) -> Any:
    for constraint in constraints:
        annotation = Annotated[annotation, constraint]
    return annotation


def _replaced(spec: FieldSpec, info: FieldInfo, config: ConfigDict) -> FieldSpec:
    constraints = list(spec.metadata)
    whole = adapter(_constrained(spec.annotation, constraints), config)
    dump, revive, is_secret = _json(spec.name, spec.annotation, whole, constraints)
    return FieldSpec(
        name=spec.name,
        annotation=spec.annotation,
        reducer=None,
        is_local=spec.is_local,
        change_type=spec.annotation,
        required=spec.required,
        default=spec.default,
        metadata=spec.metadata,
        validate=_validate(whole, spec.annotation),
        check=None,
        copy=spec.copy,
        copy_change=_copy_change(spec.annotation),
        dump=dump,
        revive=revive,
        is_open=spec.is_open,
        is_plain=True,
        is_secret=is_secret,
    )


def _copy_change(change_type: Any) -> Callable[[Any], Any] | None:
    """A node may keep what it returned; pydantic makes new containers, but passes instances of models through."""
    made = copier(change_type)
    return made if made is copy.deepcopy and not is_immutable(change_type) else None


def _json(
    name: str, annotation: Any, whole: TypeAdapter[Any], constraints: list[Any]
) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None, bool]:
    """How values of a type go to JSON-able data and back, (None, None) where they are that already; if it has secrets."""
    if is_native(annotation) and not any(hasattr(c, "serialize") or hasattr(c, "func") for c in constraints):
        return None, None, False
    sealed = sealing(whole)
    if sealed is not None:
        return sealed[0], _naming(name, sealed[1]), True

    def dump(value: Any) -> Any:
        return whole.dump_python(value, mode="json", round_trip=True, by_alias=False)

    def revive(data: Any) -> Any:
        try:
            text = to_json(data, inf_nan_mode="constants")
        except ValueError:  # a lone surrogate, which no JSON parser of pydantic's takes
            return whole.validate_python(data, by_alias=False, by_name=True)
        return whole.validate_json(text, by_alias=False, by_name=True)

    return dump, revive, False


def _naming(name: str, revive: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A secret that cannot be opened is told with its field."""

    def named(data: Any) -> Any:
        try:
            return revive(data)
        except StoreError as error:
            raise _of_field(error, name) from None

    return named


def _of_field(error: StoreError, name: str) -> GraphflowError:
    return type(error)(f"{error.what} (field {name!r})", why=error.why, fix=error.fix, where=error.where)


def parse(text: bytes | str) -> Any:
    """JSON text to data, as journals are read."""
    return from_json(text, allow_inf_nan=True)
