"""The semantics, executable: what a plan means, said as plainly as possible, sharing no code with the machine.

A scope's walk (S2.2) is a generator: it yields the calls that run in it and is sent the one that finished, with its
reply. So a fork is a loop over its branches' walks, to cancel one is to drop it, and an error that climbs (S8.3) is
an exception. Nodes are answered by an oracle, a pure function of the call; who finishes next is chosen.

Left out, since they add time, place or money: timers, delays, ``within_s``, ``at_once``, budgets,
``state="shared"``, effects, stop and resume.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from graphflow import errors
from graphflow.core.plan import START_INDEX, Edge, Guard, Node, Plan, Retry
from tests.execution import WAITING, Answers, Branch, Call, HandOff, Order, Outcome, Raise, Step, Update
from tests.reference_state import changed, find_conflict, fold, kept, renamed


@dataclass
class Run:
    """What all scopes of a run share."""

    steps_left: int
    steps: list[Step] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)  # paths of branches


@dataclass
class Scope:
    """The run, an entry of a sub-graph, or a branch (S2.2): what visits and takings are counted in (S4.5)."""

    path: str
    plan: Plan
    state: Update
    run: Run
    items: tuple[Any, ...] = ()
    visits: Counter[int] = field(default_factory=Counter)
    takings: Counter[int] = field(default_factory=Counter)
    updates: list[Update] = field(default_factory=list)
    status: str = "running"
    error: Exception | None = None


Walk = Generator[list[Call], tuple[Call, Any], Any]


def interpret(plan: Plan, state: Update, answers: Answers, order: Order) -> Outcome:
    """Run ``plan`` from ``state`` until it ends, or only unanswered questions are left (S10.2, S14.1)."""
    run = Run(plan.limits.steps)
    top = Scope("", plan, fold(plan, state, []), run)
    walk = _settled(top, START_INDEX, None)
    calls = next(walk)
    while ready := [call for call in calls if answers(call) is not WAITING]:
        chosen = order(ready)
        calls = walk.send((chosen, answers(chosen)))
    status = {"running": "waiting" if calls else "exhausted"}.get(top.status, top.status)
    steps = [step for step in run.steps if not step.cursor.startswith(tuple(run.cancelled))]
    return Outcome(status, top.state, steps, top.error, [call.cursor for call in calls])


def _settled(scope: Scope, index: int, stop: int | None) -> Walk:
    """A walk that notes how it ended, and then has no more calls."""
    try:
        yield from _walk(scope, index, stop)
        scope.status = "done"
    except Exception as error:
        scope.status, scope.error = "failed", error
    yield []


def _walk(scope: Scope, index: int, stop: int | None) -> Walk:
    """One cursor goes from node to node until it stands at ``stop``, its join, or at an end (S2.2, S4.1)."""
    branches, error = list[Branch](), None
    while index != stop and (node := scope.plan.nodes[index]).kind != "end":
        if node.kind == "fail":
            raise errors.Failed(node.reason)
        scope.visits[index] += 1
        cursor = f"{scope.path}{node.id}:{scope.visits[index]}"
        scope.run.steps_left -= node.kind != "start"  # a step is one visit of a node (S13.1)
        while scope.run.steps_left < 0:
            yield []  # nothing new starts (S13.2)
        edge, starts, error = yield from _visit(scope, node, cursor, branches, error)
        branches, index = [], edge.targets[0] if edge.join is None else edge.join
        if edge.join is not None:
            try:
                branches = yield from _fork(scope, cursor, edge, starts)
            except Exception as lost:  # an error of the join node, before it ran (S8.3)
                index, error = _caught(scope, scope.plan.nodes[edge.join], cursor, lost).target, lost


def _visit(scope: Scope, node: Node, cursor: str, branches: Sequence[Branch], error: Exception | None) -> Walk:
    """One visit: attempts until one succeeds (S8.1), then the choice of an edge. Gives (edge, starts, error)."""
    retry = node.retry or Retry(attempts=1)
    for attempt in range(1, retry.attempts + 1):
        call = Call(cursor, node, attempt, deepcopy(scope.state), scope.items, branches, error)
        try:
            updates, scope.state, handoff = yield from _attempt(scope, call)
            break
        except Exception as raised:
            is_worth_another = isinstance(raised, retry.on) and getattr(raised, "retryable", True)
            if attempt == retry.attempts or not is_worth_another:
                return _caught(scope, node, cursor, raised), [], raised
    scope.updates += updates
    step = Step(cursor, {} if node.graph else updates[0], None)
    scope.run.steps.append(step)  # the update is committed even if no edge can be chosen (S3.2)
    edge = handoff or next((edge for edge in node.exits if _is_enabled(scope, edge, scope.state)), None)
    if edge is None:
        raise errors.NoWayOut(f"No way out of {cursor}")  # neither retried nor caught at its own node (S8.3)
    starts = _starts(scope, edge)
    step.edge = _count(scope, edge)
    return edge, starts, None


def _attempt(scope: Scope, call: Call) -> Walk:
    """One try at a node: gives (updates, the state after them, handoff), or raises (S8.1)."""
    node, handoff = call.node, None
    if node.kind in ("start", "point"):
        return [{}], scope.state, None
    if node.graph:
        updates = yield from _sub_graph(scope, call)
        return updates, fold(scope.plan, scope.state, updates), None
    _, reply = yield [call]
    if isinstance(reply, Raise):
        raise reply.error
    update = reply.update if isinstance(reply, HandOff) else reply
    if node.writes.declared is not None and not update.keys() <= node.writes.declared:
        raise errors.UpdateInvalid(f"{call.cursor} wrote what it did not declare")  # S3.5
    state = fold(scope.plan, scope.state, [update])
    if isinstance(reply, HandOff):
        offers = [edge for edge in node.handoffs if scope.plan.nodes[edge.target].name == reply.target]
        handoff = next((edge for edge in offers if _is_enabled(scope, edge, state)), None)
    if handoff is None and (isinstance(reply, HandOff) or (node.handoffs and not node.exits)):  # S9.2, S9.3
        raise errors.HandoffInvalid(f"{call.cursor} handed off nowhere")
    return [update], state, handoff


def _sub_graph(scope: Scope, call: Call) -> Walk:
    """A graph as a node is a fork of one: it hands over its updates when it ends (S12.1)."""
    graph: Any = call.node.graph
    state = scope.state if graph.inward is None else {inner: scope.state[outer] for inner, outer in graph.inward}
    again = f"~{call.attempt}" if call.attempt > 1 else ""
    inner = Scope(f"{call.cursor}{again}/", graph.plan(), fold(graph.plan(), state, []), scope.run, scope.items)
    if inner.path.count("/") >= scope.plan.limits.depth:  # the run is the outermost scope
        raise errors.TooDeep(call.cursor)
    yield from _walk(inner, START_INDEX, None)
    if graph.outward is None:
        return kept(inner.plan, inner.updates)
    return renamed(inner.plan, inner.updates, graph.outward)


def _caught(scope: Scope, node: Node, cursor: str, error: Exception) -> Edge:
    """The error edge of a node that failed for good (S8.2); without one the error climbs (S8.3)."""
    for edge in node.error_edges:
        if isinstance(error, edge.errors) and _is_enabled(scope, edge, scope.state):
            scope.run.steps.append(Step(cursor, None, _count(scope, edge)))
            return edge
    raise error


def _is_enabled(scope: Scope, edge: Edge, state: Update) -> bool:
    """S4.2: its ``at_most`` is not used up, and its condition holds."""
    at_most = edge.limit.at_most if edge.limit else edge.at_most
    is_used_up = at_most is not None and scope.takings[id(edge.limit or edge)] >= at_most
    return not is_used_up and _holds(edge.guard, state, scope.items)


def _count(scope: Scope, edge: Edge) -> int:
    scope.takings[id(edge.limit or edge)] += 1  # a Limit is one count, shared by several edges (S4.5)
    return edge.index


def _holds(guard: Guard | None, state: Update, items: tuple[Any, ...]) -> bool:
    try:
        return guard is None or bool(guard.test(state, items))
    except Exception as error:
        raise errors.GuardFailed(f"{guard and guard.label} raised") from error  # S5.4


def _starts(scope: Scope, edge: Edge) -> list[tuple[int, tuple[Any, ...]]]:
    """(first node, items) of each branch, fixed at the fork (S6.1)."""
    if edge.over is not None:
        return [(edge.target, (*scope.items, item)) for item in deepcopy(edge.over.items(scope.state, scope.items))]
    pairs = zip(edge.targets, edge.branch_guards or (None,) * len(edge.targets), strict=True)
    return [(target, scope.items) for target, guard in pairs if _holds(guard, scope.state, scope.items)]


def _fork(scope: Scope, path: str, edge: Edge, starts: list[tuple[int, tuple[Any, ...]]]) -> Walk:
    """Walk the branches until the join fires, then merge those done (S6.3, S6.4, S6.6). Gives ``ctx.branches``."""
    scopes = [Scope(f"{path}[{n}]/", scope.plan, scope.state, scope.run, items) for n, (_, items) in enumerate(starts)]
    walks = [_settled(branch, start, edge.join) for branch, (start, _) in zip(scopes, starts, strict=True)]
    calls = [next(walk) for walk in walks]
    try:
        while not _fires(scope, edge, scopes):
            finished = yield [call for running in calls for call in running]
            index = next(n for n, running in enumerate(calls) if finished[0] in running)
            calls[index] = walks[index].send(finished)
    finally:
        for branch in scopes:
            branch.status = "cancelled" if branch.status == "running" else branch.status
        stopped = ("cancelled", "failed") if edge.failures == "stop" else ("cancelled",)
        scope.run.cancelled += [branch.path for branch in scopes if branch.status in stopped]
    done = {branch.path: kept(scope.plan, branch.updates) for branch in scopes if branch.status == "done"}
    find_conflict(scope.plan, done)
    updates = [update for each in done.values() for update in each]
    try:
        scope.state = fold(scope.plan, scope.state, updates)
    except errors.UpdateInvalid as error:
        raise errors.JoinFailed("The merge is invalid") from error  # S8.3
    scope.updates += updates
    return [Branch(n, branch.items, branch.status, branch.error, branch.state) for n, branch in enumerate(scopes)]


def _fires(scope: Scope, edge: Edge, branches: list[Scope]) -> bool:
    """Whether the join fires now; raises if it cannot any more (S6.6, S6.7)."""
    need, failed = edge.need, [branch.error for branch in branches if branch.error]
    done, running = (sum(branch.status == status for branch in branches) for status in ("done", "running"))
    if edge.failures == "stop" and failed:
        raise failed[0]
    is_lost = done + running < need.count if need.kind == "quorum" else not running and done < need.count
    if branches and is_lost:
        raise errors.JoinFailed(f"{done} of {len(branches)} branches are done, but {need} is needed")
    if running and need.guard and done:
        so_far = [
            update for branch in branches if branch.status == "done" for update in kept(scope.plan, branch.updates)
        ]
        return _holds(need.guard, changed(scope.plan, scope.state, so_far), scope.items)
    return not running or (need.kind == "quorum" and done >= need.count)
