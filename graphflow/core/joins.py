"""When and how branches meet (S6.4-S6.8): the need, the merge, the write conflicts.

``consider`` is asked each time a branch has settled, a timer of the fork is due, or a fork has no branches at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphflow.core import changing, deciding, failures, slots, subgraphs
from graphflow.core.plan import Edge
from graphflow.core.schema import FieldSpec, Update
from graphflow.core.scopes import FORKED, Altered, Fork, Scope
from graphflow.errors import GraphflowError, JoinFailed, UpdateInvalid, WriteConflict, shown

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def consider(machine: Machine, fork: Fork, is_due: bool = False) -> None:
    """Fire the join, fail it, or leave the fork open."""
    owner = fork.owner
    if fork.is_closed or owner.open is not fork or owner.status != FORKED:
        return
    if fork.edge is None:
        if fork.cancelled:
            machine.cancel_above(owner)
        elif fork.done:
            subgraphs.leave(machine, fork)
        return
    try:
        verdict = _fires(fork, fork.edge, is_due)
    except GraphflowError as error:
        failures.fail_join(machine, fork, error)
        return
    if verdict is None:
        slots.rest_around(machine, fork)
        return
    if verdict:
        fire(machine, fork)
    else:
        failures.fail_join(machine, fork, _lost(fork, fork.edge))


def _fires(fork: Fork, edge: Edge, is_due: bool) -> bool | None:
    """True: fire; False: it cannot be reached any more; None: wait (the table of S6.6)."""
    need, total = edge.need, fork.total
    if total == 0:
        return True
    all_settled = fork.settled == total
    if need.kind == "all":
        return True if all_settled else None
    if need.kind == "quorum":
        if fork.done >= need.count:
            return True
        return False if fork.done + total - fork.settled < need.count else None
    if need.kind == "best_effort":
        if all_settled or is_due:
            return fork.done >= need.count
        return None
    if all_settled:
        return True
    return True if fork.done and _merge_holds(fork, edge) else None


def _merge_holds(fork: Fork, edge: Edge) -> bool:
    """A condition on the merge so far (S6.6)."""
    assert edge.need.guard is not None
    owner = fork.owner
    scratch = Scope(owner.plan, owner.node, owner.read().copy())
    scratch.items = owner.items
    try:
        changing.merge(scratch, fork.updates_of(fork.done_ones()))
    except UpdateInvalid:
        return False  # a reducer that raises; the join says so when it fires
    return deciding.holds(edge.need.guard, scratch, edge)


def _lost(fork: Fork, edge: Edge) -> JoinFailed:
    plan = fork.owner.plan
    assert edge.join is not None
    causes = [child for child in fork.children if child is not None and child.error is not None]
    first = f" The first: {shown(causes[0].error)}." if causes else ""
    error = JoinFailed(
        f"Join {plan.nodes[edge.join].name!r} cannot fire: it needs {edge.need}, but only {fork.done} of {fork.total} branches are done",
        cursor=fork.owner.path,
        why=f"{fork.failed} failed and {fork.cancelled} were cancelled.{first} (S6.6)",
        fix=f"Let it go on with fewer, or give it a way out: graph.edge({plan.nodes[edge.join].name}, ..., on_error=JoinFailed).",
        where=(edge.place,) if edge.place else (),
    )
    if causes:
        error.__cause__ = causes[0].error
    return error


def fire(machine: Machine, fork: Fork) -> None:
    """The join fires: fold, validate once, journal, move on (S6.4). A conflict or invalid merge is the join's error."""
    owner, edge = fork.owner, fork.edge
    assert edge is not None
    assert edge.join is not None
    members = fork.done_ones()
    updates = fork.updates_of(members)
    try:
        find_conflicts(fork, members, updates)
        altered = check_merge(owner, updates)
        if owner.writes_to is not None and (bad := shared_conflict(owner, updates)):
            raise bad
    except JoinFailed as error:
        failures.fail_join(machine, fork, error)
        return
    entry: dict[str, Any] = {"kind": "joined", "at": owner.path, "edge": edge.index}
    if len(members) != fork.total:
        entry["members"] = members
    if altered:
        entry["altered"] = altered
    machine.note(entry, owner)
    merge(machine, fork, updates, altered)


def merge(machine: Machine, fork: Fork, updates: list[Update], altered: dict[str, Any]) -> None:
    """What firing does, live and in replay."""
    owner, edge = fork.owner, fork.edge
    assert edge is not None
    assert edge.join is not None
    changing.close_fork(machine, fork)
    changing.merge(owner, updates)
    if altered:
        owner.overwrite(altered)
    if owner.writes_to is not None:
        note_writers(owner, updates)
    changing.arrive_at_join(machine, owner, fork, owner.plan.nodes[edge.join])


def check_merge(owner: Scope, updates: list[Update]) -> dict[str, Any]:
    """Validate the merged state once, on a copy; what validators altered. Raises JoinFailed."""
    schema = owner.plan.schema
    if not (schema.has_checks or schema.has_model_validators or schema.has_field_validators):
        return {}
    scratch = Scope(owner.plan, owner.node, owner.read().copy())
    try:
        changing.merge(scratch, updates)
        return schema.check_all(scratch.read())
    except Exception as error:  # UpdateInvalid, or what a validator of the user's raised
        reason = (
            f"{error.what}: {error.why}" if isinstance(error, UpdateInvalid) else f"{type(error).__name__}: {error}"
        )
        edge = None if owner.open is None else owner.open.edge
        at_join = "" if edge is None or edge.join is None else f" at join {owner.plan.nodes[edge.join].name!r}"
        raise JoinFailed(
            f"The merge of the branches{at_join} does not validate",
            cursor=owner.path,
            why=f"{reason} (S6.4)",
            fix="Let the branches write less, or widen the field.",
            where=() if edge is None or edge.place is None else (edge.place,),
        ) from error


def find_conflicts(fork: Fork, members: list[int], updates: list[Update]) -> None:
    """S6.5: a field that two branches write needs a reducer, even for equal values. Raises WriteConflict."""
    specs = fork.owner.plan.schema.specs
    written = set[str]().union(*updates)
    if not any(_can_conflict(specs[name]) for name in written):
        return  # the usual map: every field has a reducer. 0.8 us less a branch
    plain: dict[str, int] = {}  # field -> the first branch that wrote it without a reducer
    wrote: dict[str, int] = {}  # field -> the first branch that wrote it at all
    keys: dict[tuple[str, Any], int] = {}
    for branch in members:
        for changes in fork.log_of(branch):
            if type(changes) is Altered:
                continue
            for name, change in changes.items():
                spec = specs[name]
                if spec.is_local:
                    continue
                field = spec.name
                other = plain.get(field)
                if other is None and spec.is_plain:
                    other = wrote.get(field)
                    plain[field] = branch
                if other is not None and other != branch:
                    raise _conflict(fork, field, other, branch)
                wrote.setdefault(field, branch)
                if spec.reducer is not None and spec.reducer.keys_conflict:
                    for key in change:
                        first = keys.setdefault((field, key), branch)
                        if first != branch:
                            raise _conflict(fork, f"{field}[{key!r}]", first, branch)


def _can_conflict(spec: FieldSpec) -> bool:
    return not spec.is_local and (spec.is_plain or (spec.reducer is not None and spec.reducer.keys_conflict))


def _conflict(fork: Fork, field: str, first: int, second: int) -> WriteConflict:
    plan = fork.owner.plan
    assert fork.edge is not None
    assert fork.edge.join is not None
    return WriteConflict(
        f"Two branches wrote {field}: {_writer(fork, first)} and {_writer(fork, second)}",
        cursor=fork.owner.path,
        why=f"Join {plan.nodes[fork.edge.join].name!r} merges isolated branches; a field that two of them write needs "
        "a reducer, even for equal values. (S6.5)",
        fix="Give the field a reducer, e.g. Annotated[list[str], append] or keep_last, or mark it local.",
        where=(fork.edge.place,) if fork.edge.place else (),
    )


def _writer(fork: Fork, index: int) -> str:
    edge = fork.edge
    assert edge is not None
    position = fork.starts[index] if fork.items is None else 0
    target = fork.owner.plan.nodes[edge.targets[position]].name
    item = "" if fork.items is None else f" for {shown(fork.items[index])}"
    return f"branch {index} ({target!r}{item})"


def shared_conflict(scope: Scope, updates: list[Update]) -> WriteConflict | None:
    """The same under state="shared", found when the second branch commits (S6.10)."""
    specs = scope.plan.schema.specs
    while (fork := scope.fork) is not None and fork.edge is not None and fork.edge.shared:
        mine, writers = {scope.index}, fork.writers or {}
        for name, change in ((name, change) for changes in updates for name, change in changes.items()):
            spec = specs[name]
            for key in (spec.name if spec.is_plain else "=" + spec.name, *_keys(spec, change)):
                if not spec.is_local and (others := writers.get(key, mine) - mine):
                    field = spec.name if isinstance(key, str) else f"{spec.name}[{key[1]!r}]"
                    return _conflict(fork, field, min(others), scope.index)
        scope = fork.owner
    return None


def note_writers(scope: Scope, updates: list[Update]) -> None:
    """Remember which branch wrote what, where branches share a state; live and in replay."""
    specs = scope.plan.schema.specs
    while (fork := scope.fork) is not None and fork.edge is not None and fork.edge.shared:
        writers = fork.writers = fork.writers or {}
        for name, change in ((name, change) for changes in updates for name, change in changes.items()):
            spec = specs[name]
            plainly = ("=" + spec.name,) if spec.is_plain else ()
            for key in (spec.name, *plainly, *_keys(spec, change)):
                writers[key] = writers.get(key, frozenset()) | {scope.index}
        scope = fork.owner


def _keys(spec: FieldSpec, change: Any) -> list[tuple[str, Any]]:
    is_merged = spec.reducer is not None and spec.reducer.keys_conflict
    return [(spec.name, key) for key in change] if is_merged else []
