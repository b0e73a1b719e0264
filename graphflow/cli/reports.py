"""What a run says when it rests: its state and result on stdout, the rest on stderr; or all of it as one JSON object."""

from __future__ import annotations

import re
import shlex
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast
from urllib.parse import unquote

from pydantic import PydanticInvalidForJsonSchema, TypeAdapter
from pydantic_core import to_json

from graphflow.cli.output import counted, error_data, one_line, visible
from graphflow.cli.progress import reason_of
from graphflow.cli.questions import clock, form_of, indented
from graphflow.cli.screen import Screen, Tone
from graphflow.cli.wording import path_line, spent, steps_in_time
from graphflow.core.tokens import masked
from graphflow.errors import RunFailed
from graphflow.runtime.run import Question, Run
from graphflow.service.spots import spot_of
from graphflow.service.stored_runs import values_of

_TONES: dict[str, Tone] = {"done": "good", "failed": "bad"}
FEW_FAILURES = 5
_RERUN = re.compile(r"graph\.rerun\(error\.run, at=(\d+), state=\{\.\.\.\}\)")


@dataclass(frozen=True, slots=True)
class GoingOn:
    """The commands that go on with a run which is kept. ``option`` names the store, if the environment does not."""

    run_id: str
    option: str = ""

    def resume(self, more: str = "") -> str:
        return f"graphflow runs resume {self.run_id}{self.option}{more}"

    def answer(self, key: str, form: str) -> str:
        return f"graphflow runs answer {self.run_id} {shlex.quote(unquote(key))} {form}{self.option} --resume"

    def in_words_of_the_command_line(self, text: str) -> str:
        """What an error says of ``graph.resume`` and ``graph.rerun``, as it is typed here."""
        text = text.replace("graph.resume(error.run)", self.resume())
        rerun = f"graphflow runs rerun {self.run_id} --at \\1 field=value{self.option}"
        return _RERUN.sub(rerun, text)


def run_data(run: Run[Any], error: BaseException | None) -> dict[str, Any]:
    """The run as ``--json`` prints it."""
    return {
        "schema": "graphflow.run/1",
        "run": run.id,
        "graph": run.graph,
        "status": run.status,
        "state": run.plan.schema.dump_state(values_of(run)),
        "path": list(run.path),
        "frontier": list(run.frontier),
        "usage": asdict(run.usage),
        "seconds": round(run.seconds, 3),
        "working_seconds": round(run.working_seconds, 3),
        "model": run.model or None,
        "questions": [_question_data(question) for question in run.questions],
        "failures": [asdict(failure) for failure in run.failures],
        "error": _error_data(run, error),
    }


def _error_data(run: Run[Any], error: BaseException | None) -> dict[str, object] | None:
    """What the run failed with, without its secrets: the user's own error may tell one."""
    data = error_data(error if error is not None else run.error)
    return None if data is None else data | {"what": run.without_secrets(str(data["what"]))}


def _question_data(question: Question) -> dict[str, Any]:
    try:
        schema: object = TypeAdapter(question.answer).json_schema()
    except PydanticInvalidForJsonSchema:
        schema = {}
    data = {
        "id": question.id,
        "node": question.node,
        "text": question.text,
        "answer": schema,
        "due": question.due,
    }
    call = question.call
    if call is None:
        return data
    told = {"agent": call.agent, "tool": call.tool, "cursor": call.cursor, "arguments": call.arguments}
    return data | {"call": told}


def result_text(run: Run[Any]) -> str:
    """The fields that the run changed, in the order written; the last text in full at the end. All, if it changed none."""
    values = values_of(run)
    begun = values_of(run.at(run.pruned + 1)) if run.seq else values
    written = [name for name in _written(run) if values[name] != begun[name]]
    names = written or list(values)
    texts = [name for name in names if isinstance(values[name], str) and values[name]]
    if texts and written:
        names.remove(texts[-1])
        names.append(texts[-1])
    fields = [field_text(name, value_data(run, name, values[name])) for name in names]
    is_block = [name in texts and "\n" in field for name, field in zip(names, fields, strict=True)]
    text = "".join(fields[:1])
    for number, field in enumerate(fields[1:], 1):  # a text of several lines stands apart
        text += ("\n\n" if is_block[number] or is_block[number - 1] else "\n") + field
    return text


def _written(run: Run[Any]) -> list[str]:
    """The fields of the state by when they were written last; those that only a join or sub-graph handed over first."""
    order: dict[str, None] = dict.fromkeys(run.plan.schema.fields)
    for step in run.steps:
        for name in (name.lstrip("=") for update in step.updates for name in update):
            if name in order:
                del order[name]
                order[name] = None
    return list(order)


def value_data(run: Run[Any], name: str, value: Any) -> Any:
    """One field as JSON-able data, by the state's own schema; secrets are asterisks."""
    return masked(run.plan.schema.dump_state({name: value})[name])


def field_text(name: str, value: Any) -> str:
    """A field for a reader: a text as it is, a list with one element a line, anything else as JSON.

    >>> print(field_text("tags", ["night", "birds"]))
    tags:
      - night
      - birds
    >>> print(field_text("score", 8))
    score: 8
    """
    whole: object = value
    if isinstance(value, str):
        return f"{name}:\n{value}" if "\n" in value or len(value) > 100 else f"{name}: {value}"
    if isinstance(value, list) and any(not _is_scalar(item) for item in cast("list[object]", value)):
        return "\n".join([f"{name}:", *(f"  - {_indented(item)}" for item in cast("list[object]", value))])
    if isinstance(value, Mapping) and value:
        pairs = cast("Mapping[str, object]", value).items()
        return "\n".join([f"{name}:", *(f"  {_pair(key, item, '    ')}" for key, item in pairs)])
    return f"{name}: {_compact(whole)}"


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _indented(value: Any) -> str:
    """An element of a list: a record with one field a line, anything else in one piece."""
    whole: object = value
    if isinstance(value, Mapping) and value:
        pairs = cast("Mapping[str, object]", value).items()
        return "\n    ".join(_pair(key, item, "      ") for key, item in pairs)
    return _compact(whole).replace("\n", "\n    ")


def _pair(key: str, value: object, indent: str) -> str:
    """A field of a record; a list of texts with one of them a line."""
    whole: object = value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in cast("list[object]", value)):
        texts = (text.replace("\n", f"\n{indent}  ") for text in cast("list[str]", value))
        return "\n".join([f"{key}:", *(f"{indent}- {text}" for text in texts)])
    if isinstance(value, Mapping) and value and indent == "    ":
        return f"{key}: {_indented(value)}"
    return f"{key}: {_compact(whole)}".replace("\n", f"\n{indent}")


def _compact(value: object) -> str:
    return value if isinstance(value, str) else to_json(value, inf_nan_mode="constants", fallback=repr).decode()


def say_summary(screen: Screen, run: Run[Any], going_on: GoingOn | None, *, is_interrupted: bool) -> None:
    """Status, steps, time, usage, path; where the run stands and how it goes on, if it is not done."""
    usage = run.usage
    working_s, idle_s = run.working_seconds, run.idle_seconds
    if is_interrupted and run.journal:  # until now; the journal ends with what was finished
        working_s += max(0.0, time.time() - run.journal[-1]["t"])
    parts = [steps_in_time(usage.steps, working_s, idle_s), *spent(usage)]
    status = "stopped" if is_interrupted else run.status
    screen.say(status, " · ".join(parts), _TONES.get(status, "attention"))
    if run.path:
        screen.say("path", path_line(run.path, screen.arrow))
    if run.status != "done" and run.frontier:
        screen.say("at", _standing(run.frontier))
    _say_failures(screen, run)
    if run.status == "exhausted":
        bound = run.journal[-1].get("bound", "")
        why = run.reason.partition(":")[0] or "the budget is used up"
        option = f"--budget-{bound.replace('_', '-')}" if bound else ""
        screen.say("", f"{why}; {option} gives more" if option else why)
        if going_on is not None:
            screen.say("go on", going_on.resume(f" {option} N" if option else ""))
    if is_interrupted:
        kept = "" if going_on is not None else " Nothing is kept of this run."
        screen.say("", f"Ctrl-C: what was finished counts, what was at work was put down.{kept}")
        if going_on is not None:
            screen.say("go on", going_on.resume())


def _standing(frontier: tuple[str, ...]) -> str:
    shown = ", ".join(str(spot_of(cursor)) for cursor in frontier[:8])
    return shown + (f" and {len(frontier) - 8:,} more" if len(frontier) > 8 else "")


def _say_failures(screen: Screen, run: Run[Any]) -> None:
    """Failures that did not end the run are told too: nothing is silent."""
    survived = [failure for failure in run.failures if failure.outcome != "ended"]
    for failure in survived[:FEW_FAILURES]:
        became = "collected as data" if failure.outcome == "collected" else "caught by an error edge"
        where = f"{spot_of(failure.cursor)}: {one_line(reason_of(failure.error), 100)}"
        screen.say("failure", f"{where}  ({became})", "attention")
    if len(survived) > FEW_FAILURES:
        screen.say("", f"and {counted(len(survived) - FEW_FAILURES, 'more failure')}")


def waiting_text(questions: Iterable[Question], target: str, going_on: GoingOn | None) -> str:
    """The open questions, and how to answer them."""
    asked = list(questions)
    several = Counter(question.node for question in asked)
    blocks: list[str] = []
    options: list[str] = []
    for question in asked:
        form = form_of(question.answer)
        due = "" if question.due is None else f", until {clock(question.due)}"
        blocks.append(f"{unquote(question.id)} asks ({form}{due}):\n{indented(question.text)}")
        if going_on is not None:
            options.append(
                "  " + going_on.answer(question.id if several[question.node] > 1 else question.node, "VALUE")
            )
        else:
            options.append(f"--answer {question.node}=...")
    options = list(dict.fromkeys(options))
    if going_on is not None:
        how = "\n".join(["The run waits. Answer, and it goes on:", *options])
    else:
        how = "Nobody is there to answer. Run it on a terminal, or answer beforehand:\n"
        how += f"  graphflow run {target} ... " + " ".join(options)
        how += "\nWith --store runs.db the run is kept, and can be answered later."
    return "\n\n".join([*blocks, how])


def _not_kept(text: str) -> str:
    """What an error says of going on, for a run that nothing is kept of."""
    kept = "with --store runs.db a run is kept, and"
    text = text.replace(
        "then go on from there: graph.resume(error.run).", f"and run it again; {kept} goes on from there."
    )
    return _RERUN.sub(f"{kept} can be run again from there", text)


def failure_text(error: RunFailed, going_on: GoingOn | None, is_debug: bool) -> str:
    """Why the run failed, and with ``--debug`` the whole traceback of the cause."""
    text = _not_kept(str(error)) if going_on is None else going_on.in_words_of_the_command_line(str(error))
    if not is_debug or error.__cause__ is None:
        return visible(text)
    told = "".join(traceback.format_exception(error.__cause__))
    return visible(error.run.without_secrets(f"{text}\n\n{told}".rstrip()))
