"""Cassettes: recorded requests and answers of a model, in a JSON file that people read and version control keeps.

A recording is found by its canonical request. What looks like a key is masked on both sides, so it is neither in the
file nor missed. The file is sorted and written whole, by a rename; nobody but its owner may read a new one.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydantic import ValidationError

from graphflow.agents.messages import JsonObject, Request, Response
from graphflow.core.usage import Usage
from graphflow.errors import (
    BadRequest,
    CassetteInvalid,
    ContentFiltered,
    ContextTooLong,
    ModelError,
    Refused,
    Truncated,
    shown,
)

SCHEMA = "graphflow.cassette/1"
_FAMILY = "graphflow.cassette/"
_KEPT: dict[str, type[ModelError]] = {
    kind.__name__: kind for kind in (Truncated, ContentFiltered, Refused, ContextTooLong, BadRequest)
}
"""Errors that are an answer to this very request, and would come again. All others are facts of a day: a rate, an outage,
an account; a cassette that kept them would replay the weather."""
_SECRET = re.compile(
    r"\b(?:(?:sk|pk|gsk|hf|csk|fw|r8|xai|nvapi|ghp)[-_]|AIza)(?=[\w-]*\d)[\w-]{16,}|(?<=Bearer )[\w.~+/=-]{16,}"
)
"""What keys look like, and no words do."""
_LONGEST_DIFF = 40  # lines

Outcome: TypeAlias = Response | ModelError


@dataclass(slots=True, eq=False)
class Made:
    """What came of one request. None: it is on its way."""

    outcome: Outcome | None = None


@dataclass(slots=True, eq=False)
class Recording:
    """One request and what came of it each time, in the order in which equal requests were made."""

    request: JsonObject
    made: list[Made] = field(default_factory=list[Made])
    asked: int = 0  # how many of them have been given out


def canonical(request: Request) -> JsonObject:
    """A request as plain data, with what looks like a key masked."""
    return cast("JsonObject", _masked(request.as_json()))


def kept(error: BaseException) -> ModelError | None:
    """An error as a recording keeps it, apart from what is said of it later; None if it does not belong to the request."""
    kind = _KEPT.get(type(error).__name__)
    if kind is None or not isinstance(error, ModelError):
        return None
    return kind(error.what, why=error.why, fix=error.fix, usage=error.usage)


@dataclass(slots=True, eq=False)
class Cassette:
    """The recordings of one file. ``model`` is the name of the model that gave the answers."""

    path: Path
    model: str = ""
    recordings: dict[str, Recording] = field(default_factory=dict[str, Recording])

    @staticmethod
    def read(path: Path, *, is_needed: bool) -> Cassette:
        """The cassette of a file. Raises CassetteInvalid; where it is not needed, a missing one is empty."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if not is_needed:
                return Cassette(path)
            raise CassetteInvalid(
                f"There is no cassette {str(path)!r}",
                why="A ReplayModel answers from recordings, and never goes live.",
                fix="Record it once: GRAPHFLOW_RECORD=1 and ReplayModel(path, records=OpenAIModel(...)).",
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CassetteInvalid(f"The cassette {str(path)!r} cannot be read", why=str(error)) from None
        return _read(path, text)

    def find(self, request: JsonObject) -> Recording | None:
        """The recording of a request."""
        return self.recordings.get(_key(request))

    def open(self, request: JsonObject) -> Recording:
        """The recording of a request, a new one if there is none."""
        return self.recordings.setdefault(_key(request), Recording(request))

    def nearest(self, request: JsonObject) -> Recording | None:
        """The recording whose request looks most like this one."""
        lines = list(_lines(request))

        def likeness(recording: Recording) -> float:
            return difflib.SequenceMatcher(None, lines, list(_lines(recording.request)), autojunk=False).ratio()

        return max(self.recordings.values(), key=likeness, default=None)

    def text(self) -> str:
        """The whole file."""
        recordings = [
            {
                "request": one.request,
                "answers": [_outcome_json(made.outcome) for made in one.made if made.outcome is not None],
            }
            for _, one in sorted(self.recordings.items())
        ]
        kept = [one for one in recordings if one["answers"]]
        data = {"schema": SCHEMA, "model": self.model, "recordings": kept}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

    def write(self) -> None:
        """Write the file by a rename, so that it is never half there. Raises CassetteInvalid."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            mode = self.path.stat().st_mode & 0o777 if self.path.exists() else 0o600
            handle, made = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(self.text())
                os.chmod(made, mode)
                os.replace(made, self.path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(made)
                raise
        except OSError as error:
            raise CassetteInvalid(f"The cassette {str(self.path)!r} cannot be written", why=str(error)) from None


def difference(recorded: JsonObject, asked: JsonObject) -> str:
    """How a request differs from a recorded one, in the form of a diff that a person can read."""
    found = difflib.unified_diff(list(_lines(recorded)), list(_lines(asked)), "recorded", "asked", n=1, lineterm="")
    lines = [line for line in found if not line.startswith("@@")]  # every line says where it belongs
    left = len(lines) - _LONGEST_DIFF
    return "\n".join(lines[:_LONGEST_DIFF] + ([f"... and {left} lines more"] if left > 0 else []))


def _lines(value: object, path: str = "") -> Iterator[str]:
    """Plain data as lines ``messages[1].text: ...``, a line of text each."""
    if isinstance(value, Mapping):
        for name, one in sorted(cast("Mapping[str, object]", value).items()):
            yield from _lines(one, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, one in enumerate(cast("list[object]", value)):
            yield from _lines(one, f"{path}[{number}]")
    else:
        written = value if isinstance(value, str) else json.dumps(value)
        yield from (f"{path}: {line}" for line in written.splitlines() or [""])


def _key(request: JsonObject) -> str:
    return json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _masked(value: object) -> object:
    if isinstance(value, str):
        return _SECRET.sub("[key]", value)
    if isinstance(value, Mapping):
        return {name: _masked(one) for name, one in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_masked(one) for one in cast("list[object]", value)]
    return value


def _outcome_json(outcome: Outcome) -> JsonObject:
    if isinstance(outcome, Response):
        return {"response": cast("JsonObject", _masked(outcome.as_json()))}
    data: JsonObject = {"type": type(outcome).__name__, "what": outcome.what, "why": outcome.why, "fix": outcome.fix}
    if isinstance(outcome.usage, Usage):
        data["usage"] = Response(usage=outcome.usage).as_json().get("usage", {})
    return {"error": cast("JsonObject", _masked(data))}


def _outcome(data: Any) -> Outcome:
    """Raises KeyError, TypeError or ValidationError if the data are none."""
    if "response" in data:
        return Response.from_json(data["response"])
    told = data["error"]
    usage = Response.from_json({"usage": told["usage"]}).usage if "usage" in told else None
    return _KEPT[told["type"]](told["what"], why=told["why"], fix=told["fix"], usage=usage)


def _read(path: Path, text: str) -> Cassette:
    try:
        loaded: object = json.loads(text)
    except ValueError as error:
        raise _damaged(path, f"It is no JSON: {error}.") from None
    data = cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}
    schema = data.get("schema")
    if not isinstance(schema, str) or not schema.startswith(_FAMILY):
        raise CassetteInvalid(
            f"{str(path)!r} is no cassette",
            why=f'A cassette says "schema": "{SCHEMA}"; here it is {shown(schema)}.',
            fix="Give the path of a file that ReplayModel has recorded.",
        )
    if schema != SCHEMA:
        raise CassetteInvalid(
            f"The cassette {str(path)!r} is of another version",
            why=f"It is {schema}, and this graphflow reads {SCHEMA}. Formats are never guessed.",
            fix="Use the graphflow that wrote it, or record it anew.",
        )
    cassette = Cassette(path)
    try:
        cassette.model = str(data["model"])
        for one in cast("list[dict[str, Any]]", data["recordings"]):
            recording = cassette.open(canonical(Request.from_json(one["request"])))
            recording.made += [Made(_outcome(answer)) for answer in one["answers"]]
    except (KeyError, TypeError, ValidationError) as error:
        raise _damaged(path, f"Recording {len(cassette.recordings) or 1}: {type(error).__name__}: {error}") from None
    return cassette


def _damaged(path: Path, why: str) -> CassetteInvalid:
    return CassetteInvalid(f"The cassette {str(path)!r} is damaged", why=why, fix="Restore it, or record it anew.")
