"""One step under the glass: why it went where it went, what it changed, what was said, what failed, what it cost."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphflow.core.journal import Entry
from graphflow.core.machine import Machine
from graphflow.core.reading import node_at
from graphflow.core.reasons import told_reasons
from graphflow.core.replay import locate, replay
from graphflow.core.scopes import Scope
from graphflow.core.tokens import masked
from graphflow.core.usage import Usage
from graphflow.errors import GraphflowError
from graphflow.runtime.hands import key_of
from graphflow.studio.histories import History
from graphflow.studio.steps import is_record, plan_at, reason_of, step_at
from graphflow.studio.wording import spent
from graphflow.views.spans import Span

_MISSING = object()


def inspected(history: History, seq: int) -> dict[str, Any]:
    """All there is to be told of one step. Raises StudioRefused where there is none."""
    entry = history.entry(seq)
    why, before, after = _considered(history, entry)
    effects = _effects(history, entry)
    data: dict[str, Any] = masked(
        {
            "step": step_at(history, seq),
            "why": why,
            "changes": _changes(before, after),
            "state": after,
            "messages": _messages(effects),
            "error": _error(history, entry),
            "attempts": _attempts(history, entry),
            "usage": _usage(effects),
        }
    )
    return data


def _considered(
    history: History, entry: Entry
) -> tuple[list[dict[str, Any]], Mapping[str, Any] | None, dict[str, Any]]:
    """The edges that were considered, and the state around the step before and after it."""
    machine = history.moments.before(entry["seq"])
    if machine is None or entry["kind"] == "migrated":
        place = entry["seq"] - history.first
        now = replay(history.plans, history.entries[: place + 1])
        return [], None if machine is None else _values(machine.root), _values(now.root)
    scope = _scope(machine, entry)
    before = _values(scope)
    try:
        reasons = told_reasons(machine, entry)
    except GraphflowError:  # a damaged journal says so elsewhere
        return [], before, before
    why = [
        {
            "to": list(one.to),
            "condition": one.condition,
            "values": history.kept().run().without_secrets(one.values),
            "outcome": one.outcome,
            "taken": one.outcome == "taken",
        }
        for one in reasons
    ]
    return why, before, _values(scope)


def _scope(machine: Machine, entry: Entry) -> Scope:
    """Where an entry changed something: a branch has values of its own until its join."""
    at = entry.get("level") or entry.get("at") or ""
    try:
        return locate(machine, at) if at else machine.root
    except GraphflowError:
        return machine.root


def _values(scope: Scope) -> dict[str, Any]:
    return scope.plan.schema.dump_state(scope.read())


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields that differ; what was not there is new."""
    if before is None:
        return []
    found: list[dict[str, Any]] = []
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name, _MISSING), after.get(name, _MISSING)
        if was is _MISSING:
            found.append({"field": name, "before": None, "after": now, "new": True})
        elif was != now:
            found.append({"field": name, "before": was, "after": None if now is _MISSING else now})
    return found


# -- what was said -----------------------------------------------------------------------------------------------------


def _effects(history: History, entry: Entry) -> list[Entry]:
    """The calls that the step's cursor had made until then."""
    at = entry.get("at")
    if not at:
        return []
    until = entry["seq"] - history.first + 1
    return [one for one in history.entries[:until] if one["kind"] == "effect" and one["at"] == at]


def _messages(effects: Iterable[Entry]) -> list[dict[str, Any]]:
    """What models answered, with the tools they had called and what those gave; in the order in which it came."""
    results: dict[str, list[Entry]] = defaultdict(list)
    for effect in effects:
        if effect["key"].startswith("tool "):
            results[effect["key"].rpartition(" ")[0]].append(effect)
    found: list[dict[str, Any]] = []
    for effect in effects:
        kind, value = effect["key"].split(" ", 1)[0], effect["value"]
        if kind == "model" and is_record(value):
            calls = [_call(call, results) for call in value.get("tool_calls", ())]
            found.append({"role": "assistant", "text": str(value.get("text", "")), "calls": calls})
        elif kind == "once":
            found.append({"role": "once", "text": _as_text(value), "calls": []})
    left = [effect for ones in results.values() for effect in ones]
    found += [{"role": "tool", "text": _result(effect), "calls": []} for effect in left]
    return found


def _call(call: Mapping[str, Any], results: dict[str, list[Entry]]) -> dict[str, Any]:
    name, arguments = str(call.get("name", "")), str(call.get("arguments", "{}"))
    answers = results.get(key_of("tool", {"tool": name, "arguments": arguments}), [])
    result = _result(answers.pop(0)) if answers else None
    return {"tool": name, "arguments": _parsed(arguments), "result": result}


def _result(effect: Entry) -> str:
    if effect.get("error"):
        return str(effect["error"])
    value = effect["value"]
    if is_record(value):
        if "approved" in value:
            return "approved" if value["approved"] else "not approved"
        return _as_text(value.get("text", value))
    return _as_text(value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(masked(value), ensure_ascii=False, default=repr)


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


# -- what failed, and what it cost -------------------------------------------------------------------------------------


def _error(history: History, entry: Entry) -> dict[str, Any] | None:
    told = entry.get("error")
    if not is_record(told):
        return None
    node = node_at(plan_at(history, entry["seq"]), entry["at"]) if entry.get("at") else None
    attempts = 1 if node is None or node.retry is None else node.retry.attempts
    attempt = entry.get("attempt") or _last_attempt(history, entry)
    return {
        "type": told.get("type", "error"),
        "text": "\n".join(str(told[part]) for part in ("what", "why", "fix") if told.get(part)),
        "attempt": attempt,
        "of": attempts if attempt else 1,
    }


def _last_attempt(history: History, entry: Entry) -> int | None:
    """Of a run that ended with an error: which attempt of its node that was."""
    until = entry["seq"] - history.first
    failed = (
        one for one in reversed(history.entries[:until]) if one["kind"] == "failed" and one["at"] == entry.get("at")
    )
    return next((one.get("attempt") for one in failed), None)


def _attempts(history: History, entry: Entry) -> list[dict[str, Any]]:
    """The attempts of the step's cursor, if there was more than one. What it was at in one attempt is one of them."""
    found: dict[int, list[Span]] = {}
    for span in history.spans:
        if span.cursor == entry.get("at") and span.status != "retrying":
            found.setdefault(span.attempt, []).append(span)
    return [_attempt(history, spans) for spans in found.values()] if len(found) > 1 else []


def _attempt(history: History, spans: Sequence[Span]) -> dict[str, Any]:
    span = spans[-1]
    error = history.entry(span.seq).get("error") if span.seq >= history.first and span.status == "failed" else None
    return {
        "n": span.attempt,
        "t": spans[0].begin,
        "seconds": round(sum(one.end - one.begin for one in spans), 6),
        "outcome": span.status,
        "error": reason_of(error) if is_record(error) else None,
    }


def _usage(effects: Iterable[Entry]) -> dict[str, Any] | None:
    total = Usage()
    found = False
    for effect in effects:
        found = True
        total += Usage(**effect.get("usage", {}))
    if not found:
        return None
    return {name: getattr(total, name) for name in Usage.__dataclass_fields__ if name != "steps"} | {
        "tokens": total.tokens,
        "spent": spent(total),
    }
