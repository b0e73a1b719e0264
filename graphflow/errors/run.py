"""GF2xx: what can go wrong while a graph runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphflow.errors.base import CODES, Code, GraphflowError, Place


class RunError(GraphflowError):
    """Something that happened in a run. ``cursor`` is where the run stood, e.g. ``plan:1[3]/search:2``."""

    code = "GF200"

    def __init__(
        self, what: str, *, cursor: str = "", why: str = "", fix: str = "", where: Iterable[Place] = ()
    ) -> None:
        super().__init__(what, why=why, fix=fix, where=where)
        self.cursor = cursor


class NodeError(RunError):
    """An error of a node: it failed an attempt, may be retried, and can be caught by its error edges (S8)."""

    code = "GF201"


class UpdateInvalid(NodeError):
    """What a node returned is no valid update: unknown field, wrong type, not declared (S3.3)."""

    code = "GF202"


class ReadUndeclared(NodeError):
    """A node read a field that is not among its declared reads (S3.5)."""

    code = "GF203"


class NoWayOut(RunError):
    """No edge of a node was enabled on the state it left (S4.4)."""

    code = "GF204"


class GuardFailed(RunError):
    """A condition raised instead of answering (S5.4)."""

    code = "GF205"


class JoinFailed(NodeError):
    """A join cannot fire: its need is lost, its branches conflict, or the merge is invalid (S8.3)."""

    code = "GF206"


class WriteConflict(JoinFailed):
    """Two branches wrote one field that has no reducer (S6.5)."""

    code = "GF207"


class HandoffInvalid(NodeError):
    """A node handed off to a target that is not declared or not enabled, or chose none where it must (S9)."""

    code = "GF208"


class NodeTimeout(NodeError):
    """A node did not finish within its ``timeout_s``."""

    code = "GF209"


class ViewReadOnly(NodeError):
    """A node set an attribute of its view, or returned the state itself (S3.6)."""

    code = "GF210"


class InputInvalid(RunError):
    """The state a run was to start with, or resume with, does not validate. Nothing was started."""

    code = "GF211"


class AnswerInvalid(RunError):
    """An answer that is to no open question, came second, or does not validate (S10.1). Nothing changed."""

    code = "GF212"


class LimitExceeded(NodeError):
    """A finite default was reached: steps, depth, width of a fork, bytes (S17)."""

    code = "GF213"


class TooDeep(LimitExceeded):
    """Sub-graphs are nested deeper than allowed (S12.2)."""

    code = "GF214"


class BudgetExhausted(RunError):
    """A call alone, outside a run, has no budget left. Inside a run the run ends ``exhausted`` instead."""

    code = "GF215"


class Failed(RunError):
    """The run took an edge to FAIL: the graph itself says that it failed, and why."""

    code = "GF216"


class ScopeFailed(NodeError):
    """A branch or sub-graph failed; the cause is chained."""

    code = "GF217"


class NodeCancelled(NodeError):
    """A node raised ``CancelledError`` that graphflow did not send (S8.4)."""

    code = "GF218"


class Cancelled(RunError):
    """The run was cancelled with ``run.cancel()``."""

    code = "GF219"


class RunFailed(RunError):
    """A run ended ``failed``. ``run`` is the run: its state, path, failures and journal."""

    code = "GF220"

    def __init__(
        self, what: str, *, run: Any, cursor: str = "", why: str = "", fix: str = "", where: Iterable[Place] = ()
    ) -> None:
        super().__init__(what, cursor=cursor, why=why, fix=fix, where=where)
        self.run = run


class ArgumentInvalid(RunError):
    """A verb of a graph was given something else than it takes. Nothing was started."""

    code = "GF221"


class TelemetryMissing(RunError):
    """``graphflow.telemetry`` was asked for, and OpenTelemetry is not installed. Nothing was started."""

    code = "GF222"


class LostChange(RuntimeWarning):
    """A node altered its own copy of a field in place, and returned nothing for it (S3.6). A warning, GF223."""


CODES.update(
    {
        "GF200": Code("A run error", "Something went wrong in a run that no narrower code covers."),
        "GF201": Code(
            "A node failed",
            "A node raised, timed out or gave an invalid update. It is retried by its Retry policy, then its error "
            "edges are tried in order by class, then the error climbs to the scope above (S8).",
        ),
        "GF202": Code(
            "An update is invalid",
            "A node returns the fields that change. An unknown field, or a value that does not validate, is an error "
            "of that node and never reaches the state (S3.3).",
        ),
        "GF203": Code(
            "A read that was not declared",
            "A node with `reads=` (an agent's prompt declares them) sees those fields and the ones it writes, and "
            "nothing else (S3.5).",
        ),
        "GF204": Code(
            "No way out",
            "A node finished, but none of its edges was enabled: every condition was false or its limit used up. The "
            "update is committed and the cursor waits at the node's exit; after adding an edge the run can be resumed "
            "and chooses again without running the node (S3.2, S4.4). `check` proves where this cannot happen.",
        ),
        "GF205": Code(
            "A condition raised",
            "A guard is a pure predicate of the state and must answer for every state (S5.4). Compare with None "
            "first, or use expressions over fields(State), where a comparison with None is false.",
        ),
        "GF206": Code(
            "A join cannot fire",
            "Too few branches succeeded for its `need`, or the merge does not validate. It is an error of the join "
            "node: `edge(join, target, on_error=JoinFailed)` is the way out (S8.3).",
        ),
        "GF207": Code(
            "Two branches wrote one field",
            "Branches are isolated and merged in branch order; a field that two of them write needs a reducer, e.g. "
            "Annotated[list[str], append] (S6.5).",
        ),
        "GF208": Code(
            "A handoff goes nowhere",
            "A node may hand off only along a handoff edge that is declared and enabled; a node with handoff edges "
            "only must choose one (S9).",
        ),
        "GF209": Code(
            "A node timed out",
            "It did not finish within its timeout_s; the attempt counts as failed (S8.1). The time of a graph as a node is "
            "that of the whole, from entering it, waiting for a person included (S12.1): bound the question itself, with "
            "edge(question, ..., after_s=...), where only its time is meant. An agent that waits for the approval of a tool "
            "call is not at work, and that time does not count (S10.4).",
        ),
        "GF210": Code(
            "The view is read-only",
            "A node gets a view of the state and returns the fields that change; setting attributes of the view, or "
            "returning it, changes nothing and is therefore an error (S3.6).",
        ),
        "GF211": Code("The input is invalid", "The start state does not validate. Nothing was started."),
        "GF212": Code(
            "An answer was not taken",
            "Answers name a question that is open, or a node that will ask; an invalid, unknown, late or second one "
            "changes nothing (S10.1).",
        ),
        "GF213": Code("A limit was reached", "Everything has a finite default, one parameter away (S17)."),
        "GF214": Code("Too deep", "Sub-graphs are nested deeper than `Limits.depth` (S12.2)."),
        "GF215": Code("The budget is used up", "Nothing new starts once a budget is used up (S13)."),
        "GF216": Code("The graph failed on purpose", "An edge to FAIL was taken; the reason is the graph's own."),
        "GF217": Code("A branch or sub-graph failed", "The error climbed out of it; the cause is chained (S8.3)."),
        "GF218": Code(
            "A node was cancelled from outside",
            "A CancelledError that graphflow did not send is a failure of the node (S8.4).",
        ),
        "GF219": Code("The run was cancelled", "Somebody called cancel; the run has ended and cannot be resumed."),
        "GF220": Code(
            "The run failed",
            "An error climbed to the run without meeting an error edge. error.run holds everything; after mending "
            "the cause `graph.resume(run)` goes on from where it failed.",
        ),
        "GF221": Code(
            "An argument is something else",
            "What is given to run, start, resume or rerun is looked at before anything starts: `answers` is a list of "
            "`approve.answer(...)`, `budget` a Budget, `observers` a list of functions, `store` a store, and `run` the "
            "Run that an earlier call returned. The message says what it was given, and the line to write.",
        ),
        "GF223": Code(
            "A change was lost",
            "What a node sees of the state is its own copy: `state.items.append(x)` changes that copy, and nothing else (S3.6). "
            "A node returns the fields that change: return {'items': [*state.items, x]}, or with writes=fields(State).items "
            "the value itself; with a reducer, Annotated[list[str], append], the new element alone. A copy that is to be "
            "altered for the node's own use is made by the node: items = list(state.items). This is a warning, once for each "
            "node and field; lists, sets and dicts of more than 1,000 elements are compared by their number only.",
        ),
        "GF222": Code(
            "OpenTelemetry is not installed",
            "graphflow.telemetry.Spans makes spans through the package opentelemetry-api, which is an extra: "
            "pip install 'graphflow-agents[otel]'. Where the spans go to is configured by your program, with "
            "opentelemetry-sdk and an exporter.",
        ),
    }
)
