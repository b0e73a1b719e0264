"""How errors climb (S8): retry, error edge, collected by a join, or out to the run.

One failure is one entry: where it began, and at which level it was settled and how. If nothing settles it, the run
has failed and every cursor stays where it was, so that a resume can go on from there (S14.3).
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING, Any

from graphflow.core import changing, deciding, suspending
from graphflow.core.discretion import around, described, discreet
from graphflow.core.journal import expand
from graphflow.core.plan import Edge, Node, Retry
from graphflow.core.scopes import ENDED, FAILED, HELD, READY, RUNNING, Fork, Scope
from graphflow.errors import Failed, GuardFailed, NoWayOut

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def may_retry(retry: Retry | None, error: Exception, attempt: int) -> bool:
    """S8.1: the policy covers the class, attempts are left, and the error does not say that trying again is hopeless."""
    if retry is None or attempt >= retry.attempts or isinstance(error, NoWayOut | GuardFailed):
        return False
    return isinstance(error, retry.on) and getattr(error, "retryable", True) is not False


def wait_s(machine: Machine, scope: Scope, retry: Retry, error: Exception) -> float:
    """Seconds to the next attempt. The jitter is seeded by the visit, Retry-After is a lower bound (S8.1)."""
    seed = int.from_bytes(hashlib.blake2b(f"{scope.path}#{scope.attempt}".encode(), digest_size=4).digest()) / 2**32
    asked: Any = getattr(error, "retry_after_s", None)
    return max(retry.wait_s(scope.attempt, seed), float(asked) if isinstance(asked, int | float) else 0.0)


def fail(machine: Machine, scope: Scope, error: Exception, in_call: bool = False) -> None:
    """A node failed an attempt, or a sub-graph's node failed as a whole."""
    discreet(error, around(scope))
    entry: dict[str, Any] = {
        "kind": "failed",
        "at": scope.path,
        "attempt": scope.attempt,
        "error": described(error, around(scope)),
    }
    if in_call:
        entry["in_call"] = True
    retry = scope.node.retry
    if retry is not None and may_retry(retry, error, scope.attempt):
        retry_later(machine, scope, machine.now + wait_s(machine, scope, retry, error), error, in_call, entry)
        return
    _climb(machine, scope, scope.node, error, entry, is_own=True)


def retry_later(
    machine: Machine, scope: Scope, due: float, error: Exception, in_call: bool, entry: dict[str, Any] | None
) -> None:
    """Sleep until ``due``; what the attempt recorded is reused only if a call failed (S11.1)."""
    if entry is not None:
        entry["due"] = due
        machine.note(entry, scope)
    if scope.open is not None:
        changing.close_fork(machine, scope.open)
    keep_effects(scope, in_call)
    changing.sleep(machine, scope, due)


def keep_effects(scope: Scope, in_call: bool) -> None:
    """``ctx.once`` is kept for the visit in every case, other records only if what failed was a call (S11.1)."""
    scope.call_failed = in_call
    if scope.effects is not None and not in_call:
        scope.effects = {key: record for key, record in scope.effects.items() if key.startswith("once ")}


def stuck(machine: Machine, scope: Scope, error: Exception) -> None:
    """No edge could be chosen: the cursor stays at the node's exit and the error climbs, not caught here (S3.2, S8.3)."""
    discreet(error, around(scope))
    entry: dict[str, Any] = {"kind": "failed", "at": scope.path, "error": described(error, around(scope))}
    _climb(machine, scope, scope.node, error, entry, is_own=False)


def on_purpose(machine: Machine, scope: Scope) -> Failed:
    """The graph's own verdict: an edge to FAIL was taken (S1.1). The error names that edge and what is before it."""
    node = scope.node
    ended = f"{'A branch of graph' if scope.is_branch else 'Graph'} {scope.plan.name!r} ended in FAIL"
    taken, seq = None, 0
    for item, plan in reversed(machine.entries):  # the move there was journalled with this very event
        entry = expand(item)
        if plan is scope.plan and "edge" in entry and node.index in plan.edge(entry["edge"]).targets:
            taken, seq = plan.edge(entry["edge"]), entry["seq"]
            break
    if taken is None:
        edges = [edge for edge in scope.plan.edges if node.index in edge.targets]
        why, fix = "An edge to FAIL was taken. (S1.1)", "Change what led there, and run it again."
    else:
        edges = [taken]
        condition = "" if taken.guard is None else f" when {taken.guard.label}"
        why = f"The edge from {scope.plan.nodes[taken.source].name}{condition} was taken. (S1.1)"
        fix = f"If it should have gone on, go back to before that: graph.rerun(run, at={seq - 1}, state={{...}})."
    return Failed(
        f"{ended}: {node.reason}" if node.reason else ended,
        cursor=scope.path,
        why=why,
        fix=fix,
        where=[edge.place for edge in edges if edge.place is not None],
    )


def fail_join(machine: Machine, fork: Fork, error: Exception) -> None:
    """A join cannot fire: an error of the join node, on the parent's state, before it ran (S8.3)."""
    assert fork.edge is not None
    assert fork.edge.join is not None
    owner = fork.owner
    node = owner.plan.nodes[fork.edge.join]
    discreet(error, chain(around(owner), (child for child in fork.children if child is not None)))
    told = described(error, around(owner))
    entry: dict[str, Any] = {"kind": "failed", "at": owner.path, "join": fork.edge.index, "error": told}
    fork.is_lost = True
    _climb(machine, owner, node, error, entry, is_own=True)


def _climb(machine: Machine, origin: Scope, node: Node, error: Exception, entry: dict[str, Any], is_own: bool) -> None:
    """Find the level that settles the error, journal it, and do it there."""
    level = origin
    while True:
        _chain(error, level.error)
        if is_own:
            try:
                edge = _error_edge(level, node, error)
            except GuardFailed as worse:
                worse.__cause__ = error
                error, edge = worse, None
                discreet(error, around(level))
                entry["error"] = described(error, around(level))
            if edge is not None:
                entry.update(level=level.path, edge=edge.index)
                machine.note(entry, origin)
                catch(machine, level, edge, node, error)
                return
        fork, parent = level.fork, level.parent
        if fork is None or parent is None:
            machine.note(entry, origin)
            machine.fail_run(origin, error)
            return
        if fork.is_collecting:
            entry.update(level=level.path, collected=True)
            machine.note(entry, origin)
            collect(machine, origin, level, error)
            return
        is_own = True
        level = parent
        if fork.edge is not None:  # failures="stop": an error of the join node, before it ran
            assert fork.edge.join is not None
            node = parent.plan.nodes[fork.edge.join]
            continue
        node = parent.node
        if node.retry is not None and may_retry(node.retry, error, parent.attempt):
            entry["level"] = parent.path
            retry_later(machine, parent, machine.now + wait_s(machine, parent, node.retry, error), error, False, entry)
            return


def _chain(error: Exception, first: Exception | None) -> None:
    """An error met where another one had led by an error edge: the first is its context, as Python chains them."""
    last: BaseException | None = None if first is None else error
    seen: set[int] = set()
    while last is not None and last is not first and id(last) not in seen:
        seen.add(id(last))
        below = last.__cause__ if last.__suppress_context__ else last.__cause__ or last.__context__
        if below is None and last.__suppress_context__:
            last.__cause__ = first  # raised "from None": what it hides stays hidden
        elif below is None:
            last.__context__ = first
        last = below


def _error_edge(scope: Scope, node: Node, error: Exception) -> Edge | None:
    """The first error edge of ``node`` whose class fits and that is enabled on the scope's state (S8.2)."""
    if isinstance(error, NoWayOut | GuardFailed) and scope.node is node and scope.open is None:
        return None  # not caught at their own node
    for edge in node.error_edges:
        if isinstance(error, edge.errors) and deciding.is_enabled(edge, scope):
            return edge
    return None


def catch(machine: Machine, level: Scope, edge: Edge, node: Node, error: Exception) -> None:
    """An error edge is taken: all that was open below is cancelled, and the target may read ``ctx.error``."""
    if level.open is not None:
        changing.close_fork(machine, level.open)
    changing.leave_node(machine, level)
    level.node = node
    changing.take_edge(machine, level, edge)
    if level.status not in ENDED:  # a branch that fails over to its join is done, without an error
        level.error = error


def collect(machine: Machine, origin: Scope, branch: Scope, error: Exception) -> None:
    """failures="collect": the branch's failure is data for the join (S6.7)."""
    fork = branch.fork
    assert fork is not None
    changing.set_aside(machine, branch)
    branch.turn += 1
    branch.error = error
    branch.held = branch.status
    changing.end_branch(machine, branch, FAILED)


def pick_up(machine: Machine, scope: Scope, gives_new_attempts: bool) -> None:
    """A resume: the cursors under ``scope`` are live again, failed ones with new attempts (S14.3)."""
    if scope.status == HELD:
        scope.status = scope.held
    fork = scope.open
    if fork is None:
        if gives_new_attempts and scope.status in (READY, RUNNING):
            scope.attempt = 0
            suspending.begin_anew(scope)
        return
    if gives_new_attempts and fork.edge is None and scope.due is not None and scope.node.timeout_s is not None:
        scope.due = machine.now + scope.node.timeout_s  # it may have failed because its time was over
    for child in fork.children[: fork.next]:
        if child is None:
            continue
        if child.status == FAILED and fork.is_lost:
            fork.failed -= 1
            child.error = None
            child.status = child.held
        if child.status not in ENDED:
            pick_up(machine, child, gives_new_attempts)
    fork.is_lost = False
