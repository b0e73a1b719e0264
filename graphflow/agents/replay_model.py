"""A model that answers from a cassette: what a real one once said to the very same request. It never goes live.

Recording needs three things: a model to ask, its key, and somebody who says so (``is_recording=True``, or the
environment's GRAPHFLOW_RECORD=1). It adds what is missing and keeps what is there; to record anew, delete the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from graphflow.agents.cassettes import Cassette, Made, Recording, canonical, difference, kept
from graphflow.agents.messages import JsonObject, Piece, Request, Response
from graphflow.agents.model import Model, StreamingModel, pieces_of
from graphflow.agents.prices import FREE, Price
from graphflow.errors import CassetteInvalid, CassetteMismatch, ModelError, ModelUnavailable, shown

RECORD_VARIABLE = "GRAPHFLOW_RECORD"


class ReplayModel:
    """Answers from the cassette at ``path``, with the usage and the model's name as they were recorded.

    A request that was not recorded is a CassetteMismatch, which shows how it differs from the nearest recording. Equal
    requests get their answers in the order in which they were recorded; one more is a mismatch too. Used as a context
    manager, or with ``assert_used()``, it also finds answers that nobody asked for.

    With ``records=OpenAIModel(...)`` and ``is_recording=True`` (None: as GRAPHFLOW_RECORD says) it asks that model what is
    not in the cassette yet, and writes each answer there. Of errors, those are recorded that belong to the request (cut
    off, filtered, refused, too long, not accepted): they come again, and the graph goes its way by them. A rate limit, an
    outage or a wrong key is raised and forgotten. No authorization reaches the file: what looks like a key is masked,
    and a request that holds the model's own key is refused. One process may record to a file at a time.

    Raises CassetteInvalid if the file is missing, damaged, no cassette, or of another version.

    >>> import asyncio, tempfile
    >>> from graphflow.agents.messages import Message
    >>> from graphflow.agents.scripted import ScriptedModel
    >>> path = Path(tempfile.mkdtemp()) / "owls.json"
    >>> asked = Request((Message("user", "What do owls eat?"),))
    >>> asyncio.run(ReplayModel(path, records=ScriptedModel(["Mice."]), is_recording=True).respond(asked)).text
    'Mice.'
    >>> with ReplayModel(path) as model:
    ...     asyncio.run(model.respond(asked)).text
    'Mice.'
    """

    def __init__(
        self, path: str | os.PathLike[str], *, records: Model | None = None, is_recording: bool | None = None
    ) -> None:
        self.is_recording = _is_recording(records, is_recording)
        self._records = records
        self._cassette = Cassette.read(Path(path), is_needed=not self.is_recording)
        if self.is_recording and records is not None:
            require_key: Callable[[Any], None] | None = getattr(records, "require_key", None)
            if require_key is not None:
                require_key(os.environ)
            if self._cassette.model not in ("", records.name):
                raise CassetteInvalid(
                    f"The cassette {str(path)!r} has answers of {self._cassette.model}, not of {records.name}",
                    why="The answers of two models in one cassette could not be told apart.",
                    fix="Record to another file, or delete this one.",
                )
            self._cassette.model = records.name

    @property
    def name(self) -> str:
        """``replay:openai/gpt-5``: whose answers they are, and that they are not new. While it records, the model's own."""
        return self._cassette.model if self.is_recording else f"replay:{self._cassette.model}"

    @property
    def price(self) -> Price | None:
        """Nothing is paid for a recording; what was once paid comes back as its usage."""
        return getattr(self._records, "price", None) if self.is_recording else FREE

    def __repr__(self) -> str:
        return f"ReplayModel({str(self._cassette.path)!r})"

    async def respond(self, request: Request) -> Response:
        """The recorded answer. Raises the recorded error, or CassetteMismatch."""
        return await self._answer(request, None)

    async def stream(self, request: Request, show: Callable[[Piece], None]) -> Response:
        """The recorded answer, shown word by word; while it is recorded, as the model writes it."""
        return await self._answer(request, show)

    def assert_used(self) -> None:
        """Every recorded answer was asked for. Raises CassetteMismatch if not."""
        left = [one for one in self._cassette.recordings.values() if one.asked < len(one.made)]
        if left:
            count = sum(len(one.made) - one.asked for one in left)
            raise CassetteMismatch(
                f"{count} of the answers in {str(self._cassette.path)!r} {'was' if count == 1 else 'were'} never asked for",
                why=f"The first belongs to: {_asked(left[0].request)}",
                fix="Find out why the model is asked less often, or delete the cassette and record it again.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.assert_used()

    async def _answer(self, request: Request, show: Callable[[Piece], None] | None) -> Response:
        asked = canonical(request)
        recording = self._cassette.find(asked)
        if recording is None or recording.asked >= len(recording.made):
            if self.is_recording:
                return await self._record(request, asked, show)
            raise self._missed(asked, recording)
        outcome = recording.made[recording.asked].outcome
        recording.asked += 1
        if isinstance(outcome, ModelError):
            raise kept(outcome) or outcome  # its own each time
        assert outcome is not None
        if show is not None:
            for piece in pieces_of(outcome):
                show(piece)
        return outcome

    async def _record(self, request: Request, asked: JsonObject, show: Callable[[Piece], None] | None) -> Response:
        """Ask the model, and keep what it says at the place that the request has among its equals."""
        model = self._records
        assert model is not None
        key_is_in: Callable[[str], bool] | None = getattr(model, "holds_key", None)
        if key_is_in is not None and key_is_in(str(asked)):
            raise CassetteMismatch(
                f"A request to {model.name} holds its key, and is not sent for a recording",
                why="Cassettes are kept and shared, and hold no secrets.",
                fix="Keep keys out of the state and the prompts.",
            )
        recording, made = self._cassette.open(asked), Made()
        recording.made.append(made)
        recording.asked += 1
        try:
            if show is not None and isinstance(model, StreamingModel):
                response = await model.stream(request, show)
            else:
                response = await model.respond(request)
        except BaseException as error:
            made.outcome = kept(error)
            if made.outcome is not None:
                self._cassette.write()
            else:
                recording.made.remove(made)
                recording.asked -= 1
            raise
        made.outcome = response
        self._cassette.write()
        return response

    def _missed(self, asked: JsonObject, recording: Recording | None) -> CassetteMismatch:
        path = str(self._cassette.path)
        again = f"If that is meant, record it: {RECORD_VARIABLE}=1 and ReplayModel(path, records=OpenAIModel(...))."
        if recording is not None:
            return CassetteMismatch(
                f"A request was made more often than it was recorded in {path!r}",
                why=f"It was recorded {'once' if len(recording.made) == 1 else f'{len(recording.made)} times'}, and this is once more: {_asked(asked)}",
                fix=again,
            )
        nearest = self._cassette.nearest(asked)
        if nearest is None:
            return CassetteMismatch(f"The cassette {path!r} is empty", why=f"It was asked: {_asked(asked)}", fix=again)
        return CassetteMismatch(
            f"A request was not recorded in {path!r}",
            why=f"The nearest recording differs:\n{difference(nearest.request, asked)}",
            fix=again,
        )


def _is_recording(records: Model | None, said: bool | None) -> bool:
    wanted = os.environ.get(RECORD_VARIABLE, "") not in ("", "0") if said is None else said
    if wanted and records is None and said:
        raise ModelUnavailable(
            "There is no model to record from",
            why="is_recording=True asks a model what is not in the cassette.",
            fix="Give one: ReplayModel(path, records=OpenAIModel(...), is_recording=True).",
        )
    return wanted and records is not None


def _asked(request: JsonObject) -> str:
    messages: list[JsonObject] = request.get("messages", [])
    return shown(messages[-1].get("text", "")) if messages else "nothing"
