"""Questions and answers (S10.1): asked where a cursor waits, answered by id or node, early ones kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from graphflow.core import changing, deciding, failures, guarding, joins, shortcuts, suspending, weighing
from graphflow.core.discretion import around, discreet
from graphflow.core.plan import Node
from graphflow.core.remembered import describe
from graphflow.core.schema import adapter
from graphflow.core.scopes import ENDED, SEGMENT, Scope
from graphflow.errors import AnswerInvalid, GuardrailTripped, NodeError, shown, unknown_name

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that is open: that of an ask node, or whether a tool may be called, which ``call`` tells of then.

    ``answer`` is the annotation that an answer must fit.
    """

    id: str
    scope: Scope
    text: str
    answer: Any
    call: dict[str, Any] | None = None


def open_questions(machine: Machine) -> list[OpenQuestion]:
    """All that are open, in the order they were asked; those of one cursor stand together."""
    found: list[OpenQuestion] = []
    for scope in machine.questions():
        if scope.node.ask is not None:
            found.append(OpenQuestion(scope.path, scope, scope.question or "", scope.node.ask.answer))
        else:
            asked = suspending.open_at(scope).items()
            found += [OpenQuestion(name, scope, one["question"], bool, one["call"]) for name, one in asked]
    return found


def answer(machine: Machine, target: str, value: Any) -> None:
    """An answer from outside: ``target`` is a question's id, or a node's name if one is open there (S10.1).

    Early ones are kept. Raises AnswerInvalid for an invalid, unknown, late or second one; nothing changes then.
    """
    found = _open_question(machine, target)
    if found is None:
        node = _node_asking(machine, target)
        if target in machine.answers:
            raise _not_taken(f"{target!r} has an answer already", "The first one counts.", target)
        machine.answers[target] = _answer_value(node, value)
        machine.note({"kind": "early", "at": target, "value": _dump_answer(node, machine.answers[target])}, None)
        return
    if found.call is None:
        _answered(machine, found.scope, value)
    else:
        suspending.decide(machine, found.scope, found.id, _fitting(value, bool, found.id))
    changing.go_on(machine)
    machine.settle()


def ask(machine: Machine, scope: Scope) -> None:
    node = scope.node
    assert node.ask is not None
    scope.attempt = 1
    try:
        question = node.ask.question(machine.view(scope), scope.items)
    except Exception as error:
        failures.fail(machine, scope, deciding.located(error, scope))
        return
    machine.release_view(scope)
    machine.note({"kind": "asked", "at": scope.path, "question": question}, scope)
    changing.ask(machine, scope, question)
    for key in (scope.path, node.name):
        if key in machine.answers:
            try:
                _answered(machine, scope, machine.answers.pop(key))
                return
            except AnswerInvalid as error:  # it was kept before the state was what it is now: ask after all
                entry = {"kind": "refused", "at": scope.path, "early": key, "error": describe(error)}
                machine.note(entry, scope)


def _open_question(machine: Machine, target: str) -> OpenQuestion | None:
    known = open_questions(machine)
    found = [question for question in known if question.id == target]
    found = found or [question for question in known if target in (question.scope.node.name, question.scope.path)]
    if len(found) > 1:
        ids = ", ".join(question.id for question in found)
        raise _not_taken(f"Node {target!r} has {len(found)} open questions", f"Their ids are {ids}.", target)
    return found[0] if found else None


def _node_asking(machine: Machine, target: str) -> Node:
    """The ask node that an early answer is for. Raises AnswerInvalid."""
    if machine.status in ("done", "failed", "cancelled"):
        raise _not_taken(f"The run is {machine.status}", "It asks nothing any more.", target)
    known = [node for plan in machine.plans() for node in plan.nodes]
    nodes = [node for node in known if node.kind == "ask"]
    for node in nodes:
        if node.name == target:
            return node
    if any(node.kind == "agent" and node.name == target for node in known):
        raise _not_asked(target)
    found = _node_ahead(machine, target)
    if found is None:
        asking = ", ".join(node.name for node in nodes) or "nobody"
        close = unknown_name(target, {node.name for node in nodes}) if nodes else ""
        raise _not_taken(f"Nothing asks {target!r}", f"Questions are asked by: {asking}.", target, close)
    return found


def _node_ahead(machine: Machine, target: str) -> Node | None:
    """The ask node that a question's id leads to, None if it leads nowhere. Raises AnswerInvalid if it is over."""
    plan, scope = machine.plan, machine.root
    ahead = False  # the path has left what has begun
    segments = target.split("/")
    for number, segment in enumerate(segments):
        match = SEGMENT.match(segment)
        node = None if match is None else next((node for node in plan.nodes if node.id == match["node"]), None)
        if match is None or node is None:
            return None
        visit, branch = int(match["visit"]), match["branch"]
        seen = 0 if ahead else scope.visits_of(node)
        if number < len(segments) - 1 and branch is None and node.is_performed:
            call = SEGMENT.match(segments[-1])
            if call is None:
                return None
            is_there = seen == visit and scope.node is node
            is_new = seen < visit or (is_there and int(call["visit"]) > suspending.count_asked(scope))
            raise _not_asked(target) if is_new else _over(target)
        if number == len(segments) - 1:
            if node.kind != "ask" or branch is not None:
                return None
            if seen >= visit:
                raise _over(target)
            return node
        fork = None if ahead or scope.node is not node or seen != visit else scope.open
        if fork is not None and (fork.edge is None) == (branch is None):
            index = int(branch or 0)
            if index >= fork.total:
                return None
            child = fork.branch(index)
            if child is not None and child.status in ENDED:
                raise _over(target)
            ahead, scope = child is None, child or scope
        elif seen >= visit and (scope.node is not node or seen > visit or scope.open is not None):
            raise _over(target)
        else:
            ahead = True
        if branch is None:
            if node.graph is None:
                return None
            plan = node.graph.plan()
    return None


def _not_asked(target: str) -> AnswerInvalid:
    why = "A call is approved by who has seen it, not before it is asked about. (S10.4)"
    return _not_taken(f"{target!r} has no open question", why, target)


def _over(target: str) -> AnswerInvalid:
    return _not_taken(f"The question {target!r} is no longer open", "It was answered or withdrawn.", target)


def _answered(machine: Machine, scope: Scope, value: Any) -> None:
    value = _answer_value(scope.node, value)
    try:
        updates = deciding.updates_of(scope, value)
        altered = deciding.trial(scope, updates)
        if scope.writes_to is not None and (bad := joins.shared_conflict(scope, updates)):
            raise bad
        if shortcuts.shortcut_of(scope.plan, scope.node).is_guarded:
            guarding.ask_way(scope, updates, altered, None)
        weighing.weigh(machine, scope, updates)
    except Exception as error:  # a NodeError, or what a validator of the user's raised
        said = error if isinstance(error, NodeError | GuardrailTripped) else None
        refused = AnswerInvalid(
            f"The answer to {scope.path!r} cannot be written: {said.what if said else shown(error)}",
            cursor=scope.path,
            why=f"{said.why if said else f'{error}.'} Nothing was changed. (S10.1)",
            fix=said.fix if said else "Give an answer that the state's validators take.",
        )
        discreet(refused, around(scope))
        raise refused from error
    scope.question = None
    machine.finish_node(scope, "answered", updates, altered)


def _answer_value(node: Node, value: Any) -> Any:
    assert node.ask is not None
    return _fitting(value, node.ask.answer, node.name)


def _fitting(value: Any, annotation: Any, target: str) -> Any:
    try:
        return adapter(annotation).validate_python(value)
    except ValidationError as error:
        raise _not_taken(
            f"The answer {shown(value)} does not fit {target!r}",
            "; ".join(detail["msg"] for detail in error.errors(include_url=False)) + ".",
            target,
        ) from None


def _dump_answer(node: Node, value: Any) -> Any:
    assert node.ask is not None
    return adapter(node.ask.answer).dump_python(value, mode="json")


def _not_taken(what: str, why: str, target: str, close: str = "") -> AnswerInvalid:
    return AnswerInvalid(
        what,
        cursor=target,
        why=f"{why} Nothing was changed. (S10.1)",
        fix=f"{close} run.questions lists what is open, with ids and types.".lstrip(),
    )
