"""Replay: a run from its journal, by folding it (S15.2). No node, guard or default factory runs.

A journal begins with the start of its run, or with a snapshot of it once what was before that is pruned. Each kind of entry has one function, which hands over to the same changes that the live machine made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from graphflow.core import changing, failures, joins, migrating, snapshots, spending, subgraphs, suspending, timing
from graphflow.core.journal import SNAPSHOT, Entry, revive_given, revive_items
from graphflow.core.machine import FORMAT, Machine
from graphflow.core.plan import Edge, Plan
from graphflow.core.remembered import remember
from graphflow.core.schema import adapter
from graphflow.core.scopes import EXIT, IDLE, RUNNING, SEGMENT, Recorded, Scope
from graphflow.core.usage import Budget, Usage
from graphflow.errors import HistoryPruned, JournalInvalid


def replay(plans: Plan | Mapping[str, Plan], entries: Iterable[Entry], until: int | None = None) -> Machine:
    """The machine as it stood after entry ``until`` (default: the last). Raises JournalInvalid.

    ``plans`` are those the run was driven under, by fingerprint; mostly one. What is owed is left to be derived.
    """
    known = {plans.fingerprint: plans} if isinstance(plans, Plan) else plans
    machine: Machine | None = None
    for entry in entries:
        if until is not None and entry["seq"] > until:
            if machine is None and entry["kind"] == SNAPSHOT:
                raise pruned(entry["run"], until, entry["seq"])
            break
        if machine is None:
            plan = _plan(known, entry)
            if entry["kind"] == SNAPSHOT:
                machine = snapshots.restore(known, entry)
                continue
            machine = Machine(plan)
        if entry["kind"] == "migrated":
            _migrated(machine, entry, _plan(known, entry))
        else:
            fold(machine, entry)
    if machine is None:
        raise JournalInvalid("The journal is empty", why="A journal begins with the start of its run.")
    forget_owed(machine)
    return machine


def forget_owed(machine: Machine) -> None:
    """What folding entries made a machine owe, and what nobody is to perform: it is derived anew where a run goes on."""
    machine.timers.clear()
    machine.stops.clear()
    machine.ready.clear()
    machine.opening.clear()
    machine.passing.clear()
    machine.meeting.clear()


def pruned(run_id: str, seq: int, first: int) -> HistoryPruned:
    """A moment before the snapshot that a run's journal begins with."""
    return HistoryPruned(
        f"What run {run_id!r} was at entry {seq} was pruned",
        why=f"Its history begins with a snapshot at entry {first}; what was before is forgotten, and the run goes on as ever.",
        fix=f"Choose entry {first} or a later one.",
    )


def _plan(known: Mapping[str, Plan], entry: Entry) -> Plan:
    plan = known.get(entry.get("fingerprint", ""))
    if plan is None:
        raise JournalInvalid(
            f"The journal was written by another version of graph {entry.get('graph', '')!r}",
            why=f"Its fingerprint {entry.get('fingerprint', '')[:12]} is none of {', '.join(f[:12] for f in known)}.",
            fix="Fold it with the plan it was written under; a resume can migrate it (S16).",
        )
    return plan


def _migrated(machine: Machine, entry: Entry, plan: Plan) -> None:
    migrating.move(machine, plan, plan.schema.revive_state(entry["state"]) if "state" in entry else None)
    machine.now = entry["t"]
    machine.seq = entry["seq"]


def fold(machine: Machine, entry: Entry) -> None:
    """Apply one decoded entry."""
    if entry["seq"] != machine.seq + 1:
        raise JournalInvalid(
            f"Entry {entry['seq']} follows entry {machine.seq}",
            why="A journal has no gaps and no repetitions.",
            fix="The journal is damaged; fold it up to the entry before.",
        )
    step = _KINDS.get(entry["kind"])
    if step is None:
        raise JournalInvalid(
            f"Entry {entry['seq']} is of an unknown kind {entry['kind']!r}",
            why="It was written by a newer version of graphflow.",
            fix="Use that version.",
        )
    if machine.status != "waiting" and entry["kind"] not in ("started", "resumed", "rerun"):  # else nobody drove it
        machine.spent.seconds += max(0.0, entry["t"] - machine.now)
    machine.now = entry["t"]
    step(machine, entry)
    machine.seq = entry["seq"]


def locate(machine: Machine, path: str) -> Scope:
    """The scope that a cursor or scope path leads to; branches that had not begun begin. Raises JournalInvalid."""
    scope = machine.root
    segments = path.split("/")
    for number, segment in enumerate(segments):
        match = SEGMENT.match(segment)
        if match is None:
            raise JournalInvalid(f"{path!r} is no cursor", why="The journal is damaged, or of another format.")
        is_last = number == len(segments) - 1
        if is_last and match["branch"] is None:
            break
        scope = _child(machine, scope, int(match["branch"] or 0), path)
    return scope


def _child(machine: Machine, scope: Scope, index: int, path: str) -> Scope:
    fork = scope.open
    if fork is None or index >= fork.total:
        raise JournalInvalid(
            f"The journal goes on at {path!r}, where nothing is open",
            why="It belongs to another graph, or is damaged.",
            fix="Fold it with the plan it was written under.",
        )
    while fork.next <= index:
        fork.begin(machine.now)
    child = fork.children[index]
    assert child is not None
    return child


def _cursor(machine: Machine, entry: Entry) -> Scope:
    """The scope an entry is about, its cursor at the node the entry names."""
    scope = locate(machine, entry["at"])
    if scope.path != entry["at"]:
        raise JournalInvalid(
            f"Entry {entry['seq']} is about {entry['at']!r}, but the run stands at {scope.path!r}",
            why="The journal belongs to another graph, or is damaged.",
            fix="Fold it with the plan it was written under.",
        )
    return scope


def _count_step(machine: Machine, scope: Scope) -> None:
    if scope.attempt == 0 and scope.node.kind not in ("start", "fail"):
        scope.attempt = 1
        machine.spent.steps += 1


def _started(machine: Machine, entry: Entry) -> None:
    plan = machine.plan
    if entry.get("format") != FORMAT:
        raise JournalInvalid(
            f"The journal has format {entry.get('format')!r}, this version reads {FORMAT}",
            why="Formats are never guessed.",
            fix="Use the version of graphflow that wrote it.",
        )
    machine.run_id = entry["run"]
    _budget(machine, entry)
    changing.begin_run(machine, plan.schema.revive_state(entry["state"]))


def _budget(machine: Machine, entry: Entry) -> None:
    """What a run may spend is part of it: given at the start, or with a resume (S13.1)."""
    if "budget" in entry:
        known = {name: value for name, value in entry["budget"].items() if name in Budget.__dataclass_fields__}
        machine.budget = Budget(**known)


def _node_done(machine: Machine, entry: Entry) -> None:
    scope = _cursor(machine, entry)
    schema = scope.plan.schema
    _count_step(machine, scope)
    if entry["kind"] == "left":
        fork = scope.open
        assert fork is not None
        child = fork.children[0]
        assert child is not None
        updates = subgraphs.outward(scope, child)
    else:
        updates = [schema.revive(changes) for changes in entry.get("updates", ())]
    changing.leave_node(machine, scope)
    if scope.open is not None:
        changing.close_fork(machine, scope.open)
    for changes in updates:
        scope.fold(changes)
    if scope.writes_to is not None:
        joins.note_writers(scope, updates)
    if "altered" in entry:
        scope.overwrite(schema.revive_state(entry["altered"]))
    if entry["kind"] == "answered":
        scope.question = None
        machine.answers.pop(entry["at"] if entry["at"] in machine.answers else scope.node.name, None)
        changing.go_on(machine)
    _move(machine, scope, entry)


def _chosen(machine: Machine, entry: Entry) -> None:
    _move(machine, _cursor(machine, entry), entry)


def _move(machine: Machine, scope: Scope, entry: Entry) -> None:
    if "edge" not in entry:
        scope.status = EXIT
        return
    edge = scope.plan.edge(entry["edge"])
    items = revive_items(edge, entry["items"]) if "items" in entry else None
    changing.take_edge(machine, scope, edge, _starts(edge, entry), items)


def _starts(edge: Edge, entry: Entry) -> list[int]:
    if edge.kind == "map":
        return [0]
    starts: list[int] = entry.get("starts", list(range(len(edge.targets))))
    return starts


def _failed(machine: Machine, entry: Entry) -> None:
    origin = _cursor(machine, entry)
    error = remember(entry["error"])
    if "attempt" in entry:
        _count_step(machine, origin)
        origin.attempt = entry["attempt"]
    level = _cursor(machine, {**entry, "at": entry["level"]}) if "level" in entry else origin
    if "join" in entry and origin.open is not None:
        origin.open.is_lost = True
    if "due" in entry:
        failures.retry_later(machine, level, entry["due"], error, entry.get("in_call", False), None)
    elif "edge" in entry:
        edge = level.plan.edge(entry["edge"])
        failures.catch(machine, level, edge, level.plan.nodes[edge.source], error)
    elif entry.get("collected"):
        failures.collect(machine, origin, level, error)
    else:
        if origin.node.kind == "fail":
            origin.status = EXIT
        machine.error = error
        machine.error_at = origin.path
        changing.hold(machine, machine.root)


def _woke(machine: Machine, entry: Entry) -> None:
    changing.wake(machine, _cursor(machine, entry))


def _timer(machine: Machine, entry: Entry) -> None:
    scope = _cursor(machine, entry)
    _count_step(machine, scope)
    timing.take_edge(machine, scope, scope.plan.edge(entry["edge"]))


def _asked(machine: Machine, entry: Entry) -> None:
    scope = _cursor(machine, entry)
    _count_step(machine, scope)
    if "call" in entry:
        scope.attempt = entry.get("attempt", 1)
        suspending.open_question(machine, scope, entry)
    else:
        changing.ask(machine, scope, entry["question"])


def _decided(machine: Machine, entry: Entry) -> None:
    suspending.close_question(machine, _cursor(machine, entry), entry["id"], entry["approved"])
    changing.go_on(machine)


def _withdrawn(machine: Machine, entry: Entry) -> None:
    suspending.withdraw(machine, _cursor(machine, entry))


def _waiting(machine: Machine, entry: Entry) -> None:
    machine.status = "waiting"


def _began(machine: Machine, entry: Entry) -> None:
    """A branch has begun at a node with a timer: its time counts from here (S10.3)."""
    _cursor(machine, entry)


def _refused(machine: Machine, entry: Entry) -> None:
    machine.answers.pop(entry["early"], None)


def _early(machine: Machine, entry: Entry) -> None:
    node = snapshots.ask_node(machine, entry["at"])
    machine.answers[entry["at"]] = adapter(node.ask.answer).validate_python(entry["value"])


def _entered(machine: Machine, entry: Entry) -> None:
    scope = _cursor(machine, entry)
    _count_step(machine, scope)
    scope.attempt = entry.get("attempt", 1)
    sub = scope.node.graph
    assert sub is not None
    values = sub.plan().schema.revive_state(entry["state"]) if "state" in entry else None
    changing.enter_graph(machine, scope, values)
    if scope.node.timeout_s is not None:
        scope.due = machine.now + scope.node.timeout_s


def _joined(machine: Machine, entry: Entry) -> None:
    owner = _cursor(machine, entry)
    fork = owner.open
    assert fork is not None
    members = entry.get("members", list(range(fork.total)))
    altered = owner.plan.schema.revive_state(entry["altered"]) if "altered" in entry else {}
    joins.merge(machine, fork, fork.updates_of(members), altered)


def _effect(machine: Machine, entry: Entry) -> None:
    usage = entry.get("usage", {})
    scope = _cursor(machine, entry)
    machine.count_usage(scope.node.name, Usage(**usage))
    if scope.effects is None:
        scope.effects = {}
    scope.effects[entry["key"]] = Recorded(
        entry["value"], usage, revive_given(scope.plan.schema, entry.get("updates", ())), entry.get("error", "")
    )


def _spent(machine: Machine, entry: Entry) -> None:
    machine.count_usage(entry["node"], Usage(**entry["usage"]))


def _cancelled(machine: Machine, entry: Entry) -> None:
    changing.go_on(machine)
    scope = locate(machine, entry["at"]) if entry["at"] else machine.root
    while not scope.is_branch and scope.parent is not None:
        scope = scope.parent
    changing.cancel_scope(machine, scope)
    if scope.parent is not None:
        changing.end_branch(machine, scope, "cancelled")


def _resumed(machine: Machine, entry: Entry) -> None:
    machine.status = "running"
    machine.error = None
    machine.is_exhausted = False
    machine.bound = machine.reason = ""
    _budget(machine, entry)
    failures.pick_up(machine, machine.root, entry["from"] == "failed")
    machine.idle = {scope: None for scope in machine.scopes() if scope.status in IDLE}  # a failure had put them aside


def _rerun(machine: Machine, entry: Entry) -> None:
    scope = locate(machine, entry["at"]) if entry["at"] else machine.root
    schema = scope.plan.schema
    altered = schema.revive_state(entry["altered"]) if "altered" in entry else {}
    machine.become(entry["run"], scope, schema.revive(entry["updates"][0]), altered)


def _wrapped(machine: Machine, entry: Entry) -> None:
    altered = machine.plan.schema.revive_state(entry["altered"]) if "altered" in entry else {}
    spending.wrap_up(machine, entry.get("members", []), altered)


def _ended(machine: Machine, entry: Entry) -> None:
    machine.status = entry["status"]
    machine.reason, machine.bound = entry.get("why", ""), entry.get("bound", "")
    if "error" in entry:
        machine.error = remember(entry["error"])
        machine.error_at = entry.get("at", "")
    for scope in machine.scopes():
        if scope.status == RUNNING:
            changing.put_down(machine, scope)


def _nothing(machine: Machine, entry: Entry) -> None:
    """Entries that only tell why the next one follows."""


_KINDS: dict[str, Callable[[Machine, Entry], None]] = {
    "started": _started,
    "finished": _node_done,
    "answered": _node_done,
    "left": _node_done,
    "chosen": _chosen,
    "failed": _failed,
    "woke": _woke,
    "timer": _timer,
    "due": _nothing,
    "asked": _asked,
    "decided": _decided,
    "withdrawn": _withdrawn,
    "waiting": _waiting,
    "early": _early,
    "refused": _refused,
    "began": _began,
    "entered": _entered,
    "joined": _joined,
    "effect": _effect,
    "spent": _spent,
    "cancelled": _cancelled,
    "resumed": _resumed,
    "rerun": _rerun,
    "wrapped": _wrapped,
    "ended": _ended,
}
