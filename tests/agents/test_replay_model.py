"""Cassettes: what was said once is said again, nothing else, and nothing secret is kept."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.core.usage import Usage
from graphflow.errors import (
    AuthError,
    CassetteInvalid,
    CassetteMismatch,
    ModelError,
    ModelUnavailable,
    QuotaExhausted,
    RateLimited,
    Refused,
    ServerError,
    Truncated,
)
from graphflow.models import (
    FREE,
    Message,
    OpenAIModel,
    Piece,
    Price,
    ReplayModel,
    Request,
    Response,
    ScriptedModel,
    Settings,
    ToolCall,
    choose_model,
    tool_call,
)
from tests.agents.loopback import chat, serving

KEY = "canary0123456789"
LOOKS_LIKE_ONE = "sk-proj-abc123def456ghi789"
USAGE = Usage(model_calls=1, input_tokens=12, output_tokens=3, cached_tokens=4, usd=0.5)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAPHFLOW_RECORD", "OPENAI_API_KEY", "OPENAI_BASE_URL", "GRAPHFLOW_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "owls.json"


def ask(text: str = "Owls?", **settings: Any) -> Request:
    return Request((Message("system", "Be brief."), Message("user", text)), settings=Settings(**settings))


def say(model: Any, *requests: Request) -> list[str]:
    """The answers, and the kinds of errors."""

    async def main() -> list[str]:
        said = list[str]()
        for request in requests:
            try:
                said.append((await model.respond(request)).text)
            except ModelError as error:
                said.append(type(error).__name__)
        return said

    return asyncio.run(main())


def record(path: Path, answers: Any, *requests: Request) -> list[str]:
    return say(ReplayModel(path, records=ScriptedModel(answers, name="openai/m"), is_recording=True), *requests)


def test_what_was_recorded_comes_back_whole(path: Path) -> None:
    calls = (ToolCall("look", '{"where": "barn"}', "call_1"),)
    answer = Response("Mice.", calls, USAGE, "m-2026-11-01", ({"id": "r1"},), {"true": 0.9})
    record(path, [answer], ask())
    with ReplayModel(path) as model:
        assert asyncio.run(model.respond(ask())) == answer
    assert (model.name, model.price) == ("replay:openai/m", FREE)


def test_equal_requests_get_their_answers_in_order_and_one_more_is_a_mismatch(path: Path) -> None:
    record(path, ["one", "two", "other"], ask(), ask(), ask("Else?"))
    model = ReplayModel(path)
    assert say(model, ask(), ask("Else?"), ask(), ask()) == ["one", "other", "two", "CassetteMismatch"]
    with pytest.raises(CassetteMismatch, match="It was recorded 2 times, and this is once more: 'Owls\\?'"):
        asyncio.run(model.respond(ask()))


def test_a_miss_shows_how_the_nearest_recording_differs_and_asks_nobody(path: Path) -> None:
    record(path, ["a", "b"], ask("Which owls\nhunt by day?", seed=1), ask("A whole other thing."))
    live = ScriptedModel(["never"])
    model = ReplayModel(path, records=live)
    with pytest.raises(CassetteMismatch) as caught:
        asyncio.run(model.respond(ask("Which owls\nhunt by night?", seed=1)))
    assert caught.value.why.splitlines() == [
        "The nearest recording differs:",
        "--- recorded",
        "+++ asked",
        " messages[1].text: Which owls",
        "-messages[1].text: hunt by day?",
        "+messages[1].text: hunt by night?",
        " settings.seed: 1",
    ]
    assert "GRAPHFLOW_RECORD=1" in caught.value.fix
    assert caught.value.retryable is False
    assert live.requests == []


def test_a_long_difference_is_cut(path: Path) -> None:
    record(path, ["a"], ask("\n".join(f"line {n}" for n in range(100))))
    with pytest.raises(CassetteMismatch, match=r"\.\.\. and \d+ lines more"):
        asyncio.run(ReplayModel(path).respond(ask("\n".join(f"row {n}" for n in range(100)))))


def test_answers_that_nobody_asked_for_are_found(path: Path) -> None:
    record(path, ["one", "two", "other"], ask(), ask(), ask("Else?"))
    with (
        pytest.raises(CassetteMismatch, match=r"2 of the answers in .* were never asked for"),
        ReplayModel(path) as model,
    ):
        say(model, ask())
    with pytest.raises(KeyError), ReplayModel(path):  # an error on the way is not hidden by it
        raise KeyError


def test_recording_needs_to_be_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = ScriptedModel(["Mice."], name="openai/m")
    with pytest.raises(CassetteInvalid, match="There is no cassette"):
        ReplayModel(path, records=live)
    monkeypatch.setenv("GRAPHFLOW_RECORD", "0")
    with pytest.raises(CassetteInvalid, match="There is no cassette"):
        ReplayModel(path, records=live)
    monkeypatch.setenv("GRAPHFLOW_RECORD", "1")
    with pytest.raises(CassetteInvalid, match="There is no cassette"):
        ReplayModel(path, records=live, is_recording=False)
    with pytest.raises(CassetteInvalid, match="There is no cassette"):
        ReplayModel(path)
    assert not path.parent.exists()
    model = ReplayModel(path, records=live)
    assert (model.is_recording, model.name) == (True, "openai/m"), "it is live, and says so"
    assert say(model, ask()) == ["Mice."]
    monkeypatch.delenv("GRAPHFLOW_RECORD")
    assert say(ReplayModel(path, records=live), ask()) == ["Mice."]
    assert len(live.requests) == 1


def test_recording_needs_a_model_and_its_key(path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no model to record from"):
        ReplayModel(path, is_recording=True)
    with pytest.raises(ModelUnavailable, match="There is no key"):
        ReplayModel(path, records=OpenAIModel("gpt-5"), is_recording=True)


def test_recording_adds_what_is_missing(path: Path) -> None:
    record(path, ["one"], ask())
    assert record(path, ["two", "new"], ask(), ask(), ask("New?")) == ["one", "two", "new"]
    assert say(ReplayModel(path), ask("New?"), ask(), ask()) == ["new", "one", "two"]


def test_a_cassette_is_of_one_model(path: Path) -> None:
    record(path, ["one"], ask())
    with pytest.raises(CassetteInvalid, match="has answers of openai/m, not of other"):
        ReplayModel(path, records=ScriptedModel([], name="other"), is_recording=True)


def test_errors_that_belong_to_the_request_come_again(path: Path) -> None:
    """With what they cost; others are of that day, and are raised and forgotten."""
    cut = Truncated("cut off", why="at 3 tokens", fix="ask for less", usage=USAGE)
    said = record(path, [cut, Refused("no"), "in the end"], ask(), ask(), ask())
    assert said == ["Truncated", "Refused", "in the end"]
    model = ReplayModel(path)
    with pytest.raises(Truncated) as caught:
        asyncio.run(model.respond(ask()))
    again = caught.value
    assert (again.what, again.why, again.fix, again.usage) == (cut.what, cut.why, cut.fix, cut.usage)
    again.why = "changed on its way up"
    assert say(model, ask(), ask()) == ["Refused", "in the end"]


def test_what_is_said_of_an_error_later_is_not_recorded(path: Path) -> None:
    """Agents add whose call it was."""
    cut = Truncated("cut off", why="at 3 tokens")
    model = ReplayModel(path, records=ScriptedModel([cut, "Mice."], name="openai/m"), is_recording=True)
    assert say(model, ask()) == ["Truncated"]
    cut.why = "changed on its way up"
    assert say(model, ask("Else?")) == ["Mice."]
    assert "changed" not in path.read_text()


@pytest.mark.parametrize("error", [RateLimited("429"), ServerError("500"), AuthError("401"), QuotaExhausted("402")])
def test_errors_of_the_day_are_not_recorded(path: Path, error: ModelError) -> None:
    assert record(path, [error, "Mice."], ask(), ask()) == [type(error).__name__, "Mice."]
    with ReplayModel(path) as model:
        assert say(model, ask()) == ["Mice."]


def test_many_record_and_replay_side_by_side(path: Path) -> None:
    """Equal requests are kept in the order in which they were asked, not in which they were answered."""

    class Slow:
        name, price = "openai/m", FREE
        asked = 0

        async def respond(self, request: Request) -> Response:
            number, self.asked = self.asked, self.asked + 1
            for _ in range(10 - number):
                await asyncio.sleep(0)
            if number == 4:
                raise ServerError("down")
            return Response(str(number))

    async def together(model: Any) -> list[str]:
        found = await asyncio.gather(*(model.respond(ask()) for _ in range(10)), return_exceptions=True)
        return [getattr(one, "text", type(one).__name__) for one in found]

    recorded = asyncio.run(together(ReplayModel(path, records=Slow(), is_recording=True)))
    assert recorded == ["0", "1", "2", "3", "ServerError", "5", "6", "7", "8", "9"]
    assert asyncio.run(together(ReplayModel(path))) == [*"012356789", "CassetteMismatch"]


def test_a_recording_that_is_cancelled_leaves_no_trace(path: Path) -> None:
    async def never(request: Request) -> str:
        await asyncio.Event().wait()
        return ""

    model = ReplayModel(path, records=ScriptedModel(never), is_recording=True)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await model.respond(ask())

    asyncio.run(main())
    assert not path.exists()
    model.assert_used()


def test_pieces_are_shown(path: Path) -> None:
    calls = (tool_call("look", where="barn"),)
    live = ScriptedModel([Response("Owls hunt at night.", calls)], name="openai/m")
    recording, replaying = ReplayModel(path, records=live, is_recording=True), ReplayModel
    shown: list[list[Piece]] = [[], []]
    asyncio.run(recording.stream(ask(), shown[0].append))
    asyncio.run(replaying(path).stream(ask(), shown[1].append))
    assert shown[0] == shown[1]
    assert "".join(piece.text for piece in shown[1] if not piece.tool) == "Owls hunt at night."


# -- the file ------------------------------------------------------------------------------------------------------


def test_the_file_is_sorted_readable_and_its_owners_alone(path: Path) -> None:
    record(path, ["Ünter", "b"], ask("z"), ask("a"))
    text = path.read_text(encoding="utf-8")
    data = json.loads(text)
    assert list(data) == ["schema", "model", "recordings"]
    assert data["schema"] == "graphflow.cassette/1"
    assert [one["request"]["messages"][1]["text"] for one in data["recordings"]] == ["a", "z"]
    assert "Ünter" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name], "nothing half written is left"
    path.chmod(0o644)
    record(path, ["c"], ask("c"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644, "who shared it wants it shared"


def test_the_same_recordings_in_another_order_are_the_same_file(path: Path, tmp_path: Path) -> None:
    record(path, lambda request: request.messages[-1].text.upper(), ask("a"), ask("b"))
    other = tmp_path / "other.json"
    record(other, lambda request: request.messages[-1].text.upper(), ask("b"), ask("a"))
    assert path.read_bytes() == other.read_bytes()


def test_a_file_that_cannot_be_written_is_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(path, ["one"], ask())
    before = path.read_bytes()

    def fails(source: Any, target: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fails)
    model = ReplayModel(path, records=ScriptedModel(["two"], name="openai/m"), is_recording=True)
    with pytest.raises(CassetteInvalid, match="disk full"):
        asyncio.run(model.respond(ask("two")))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_no_key_is_in_the_file(path: Path) -> None:
    """The client's key is in no request; what looks like one is masked, and still found; the key itself is refused."""

    async def main(url: str) -> None:
        live = OpenAIModel("m", base_url=url, api_key=KEY)
        model = ReplayModel(path, records=live, is_recording=True)
        await model.respond(ask("Hello?"))
        await model.respond(ask(f"Use {LOOKS_LIKE_ONE} or Bearer abcdef0123456789abcdef"))
        with pytest.raises(CassetteMismatch, match="holds its key"):
            await model.respond(ask(f"My key is {KEY}"))
        await live.aclose()

    with serving(chat(f"Never show {LOOKS_LIKE_ONE}!")) as server:
        asyncio.run(main(server.url))
        assert len(server.seen) == 2
        assert server.seen[0][1]["authorization"] == f"Bearer {KEY}"
        assert LOOKS_LIKE_ONE in json.dumps(server.seen[1][2]), "the model is sent what it is sent"
    text = path.read_text()
    assert "uthorization" not in text
    for secret in (KEY, LOOKS_LIKE_ONE, "abcdef0123456789abcdef"):
        assert secret not in text
    assert say(ReplayModel(path), ask(f"Use {LOOKS_LIKE_ONE} or Bearer abcdef0123456789abcdef")) == [
        "Never show [key]!"
    ]


def test_what_only_resembles_a_key_is_left_alone(path: Path) -> None:
    text = "The key-findings of task-force sk-ill are hf-ish; pk-anything-without-a-number-at-all."
    assert record(path, [text], ask(text)) == [text]
    assert say(ReplayModel(path), ask(text)) == [text]
    assert text in path.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": "graphflow.cas', "is damaged"),
        ("", "is damaged"),
        ("[]", "is no cassette"),
        ('{"interactions": [], "version": 1}', "is no cassette"),
        ('{"schema": 7}', "is no cassette"),
        ('{"schema": "graphflow.cassette/2", "model": "m", "recordings": []}', "another version"),
        ('{"schema": "graphflow.cassette/1", "recordings": []}', "is damaged"),
        (
            '{"schema": "graphflow.cassette/1", "model": "m", "recordings": [{"request": {"messages": 3}}]}',
            "is damaged",
        ),
        ('{"schema": "graphflow.cassette/1", "model": "m", "recordings": [7]}', "is damaged"),
        (
            '{"schema": "graphflow.cassette/1", "model": "m", "recordings":'
            ' [{"request": {"messages": []}, "answers": [{"error": {"type": "SystemExit"}}]}]}',
            "is damaged",
        ),
        (b"\xff\xfe", "cannot be read"),
    ],
)
@pytest.mark.parametrize("is_recording", [False, True])
def test_a_file_that_is_no_cassette_is_refused_and_left_alone(
    path: Path, text: Any, said: str, is_recording: bool
) -> None:
    path.parent.mkdir()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = path.read_bytes()
    with pytest.raises(CassetteInvalid, match=said) as caught:
        ReplayModel(path, records=ScriptedModel(["x"]), is_recording=is_recording)
    assert caught.value.code == "GF431"
    assert path.read_bytes() == before


# -- with graphs ---------------------------------------------------------------------------------------------------


class Essay(BaseModel):
    topic: str = "owls"
    text: str = ""


essay = fields(Essay)


def writing(style: str = "brief") -> Graph[Essay]:
    def look(where: str) -> str:
        """Look somewhere."""
        return "There."

    graph = Graph("essay", Essay)
    node = graph.node(Agent("write", f"Be {style}.", prompt="{topic}", tools=[look]), writes=essay.text)
    graph.chain(START, node, END)
    return graph


def test_a_run_is_recorded_and_replayed(path: Path) -> None:
    live = ScriptedModel([tool_call("look", where="barn"), Response("In barns.", usage=USAGE)], name="openai/m")
    live.price = Price(1.0, 1.0)
    recorded = writing().run_sync(Essay(), model=ReplayModel(path, records=live, is_recording=True))
    with ReplayModel(path) as model:
        replayed = writing().run_sync(Essay(), model=model)
    assert replayed.state == recorded.state == Essay(text="In barns.")
    assert replayed.usage == recorded.usage
    assert (recorded.model, replayed.model) == ("openai/m", "replay:openai/m")


def test_a_changed_prompt_is_found(path: Path) -> None:
    live = ScriptedModel(["In barns."], name="openai/m")
    writing().run_sync(Essay(), model=ReplayModel(path, records=live, is_recording=True))
    with pytest.raises(Exception, match=r"-messages\[0\].text: Be brief.\n.*\+messages\[0\].text: Be long\."):
        writing("long").run_sync(Essay(), model=ReplayModel(path))


def test_it_is_named_on_the_command_line(path: Path) -> None:
    record(path, ["Mice."], ask())
    model = choose_model(None, f"replay:{path}", {})
    assert (type(model), model.name) == (ReplayModel, "replay:openai/m")
    with pytest.raises(CassetteInvalid, match=r"There is no cassette 'none\.json'"):
        choose_model(None, "replay:none.json", {})
