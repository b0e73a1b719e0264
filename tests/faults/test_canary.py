"""G8: a canary in a secret of the state, in deps, in a model's key, an address or the environment is found nowhere.

Not in the bytes of a store, in events, logs, errors, drawings, exports or what the command line prints; over every
failure that a run can meet. What holds it is told from what shows it: each test also looks where it must be.
"""

from __future__ import annotations

import asyncio
import json
import logging
import runpy
import shutil
import sqlite3
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from graphflow import END, START, Agent, Budget, Graph
from graphflow.cli.main import main
from graphflow.errors import CipherKeyUnknown, CipherMissing, GraphflowError, InputInvalid, SecretDamaged, StoreError
from graphflow.graph.stored import data_of
from graphflow.models import ScriptedModel, tool_call
from graphflow.runtime.events import Event, NodeFinished
from graphflow.runtime.run import Run
from graphflow.stores import FernetCipher, SQLiteStore, prune_history
from graphflow.testing import FakeOpenAI, compatible, wire
from tests.faults.canaries import (
    CANARY,
    CASES,
    FRESH,
    MODEL_KEY,
    NUMBER,
    VARIABLE,
    Heard,
    Picky,
    State,
    bytes_below,
    found_in,
    model,
    played,
    state,
)
from tests.postgres_server import PASSWORD, Server

each_case = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def cipher() -> FernetCipher:
    pytest.importorskip("cryptography", reason="pip install 'graphflow-agents[secrets]'")
    return FernetCipher(FernetCipher.new_key())


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", VARIABLE)


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[Heard]:
    """What is told in a test; at its end no canary is in it, nor in the log, nor in a warning."""
    caplog.set_level(logging.DEBUG)
    found = Heard()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield found
    found.texts += [caplog.text, *(str(one.message) for one in warned)]
    assert not found_in(list(found.all()))


def _options(name: str) -> dict[str, Any]:
    given: dict[str, Any] = {"budget": Budget(steps=5)} if name == "a_budget_that_ends" else {}
    if "tool" in name:
        given["model"] = ScriptedModel([tool_call("login"), "done"]) if "returns" in name else model()
    return given


@each_case
def test_in_memory(name: str, heard: Heard) -> None:
    """Secrets stay what they are in the state, and are shown nowhere."""
    graph, start = CASES[name]()
    run = played(graph, start, heard, **_options(name))
    assert run.state.key.get_secret_value() == CANARY
    assert run.at(run.seq).state == run.state, "the journal brings it back"
    drawn = [graph.draw(detail="full"), graph.draw(run), graph.draw(run, step=1, detail="full")]
    heard.texts += [text for one in drawn for text in (one.dot, one.mermaid, one.text)]
    heard.texts += [graph.diff_runs(run, run.at(1)).draw().dot, str(graph.diff_runs(run, run.at(1)))]
    heard.texts += [str(data_of(graph.plan())), repr(graph), *(str(finding) for finding in graph.check())]
    assert (run.status == "done") == (name == "all_goes_well")


@each_case
def test_in_a_file(name: str, heard: Heard, cipher: FernetCipher, tmp_path: Path) -> None:
    """After each event the file, its log and its index hold no byte of it; and yet the run goes on from there."""
    graph, start = CASES[name]()
    store = SQLiteStore(tmp_path / "runs.db", cipher=cipher)

    def look(event: Event) -> None:
        heard(event)
        assert not found_in(bytes_below(tmp_path))

    run = played(graph, start, heard, store=store, run_id="r", **_options(name))
    asyncio.run(_again(graph, store, look, name))
    heard.texts += [repr(store), repr(cipher), repr(store.row("r")), repr(store.rows())]
    assert store.row("r").standing.state is not None
    again = Run(store.plans("r", graph.plan()), run._machine, store.read("r"))  # pyright: ignore[reportPrivateUsage]
    assert again.at(1).state.key.get_secret_value() == CANARY, "it is there, for who has the key"
    assert b'"topic":"owls"' in store.read("r")[0], "what is no secret is legible"
    if run.status != "done":
        heard.texts.append(str(prune_history(store, "r", graph.plan())))
        assert not found_in(bytes_below(tmp_path))
    store.compact()
    assert not found_in(bytes_below(tmp_path))
    store.close()
    assert not found_in(bytes_below(tmp_path))


async def _again(graph: Graph[Any], store: SQLiteStore, look: Any, name: str) -> None:
    """A run that failed is resumed, and fails again; one that is done is not."""
    try:
        await graph.resume("r", store=store, observers=[look], **_options(name))
    except GraphflowError as error:
        assert not found_in([str(error)])


@pytest.mark.parametrize("name", ["all_goes_well", "a_map_over_secrets", "a_tool_that_fails_and_one_that_logs_in"])
def test_on_a_server(name: str, heard: Heard, cipher: FernetCipher, postgres: Server, schema: str) -> None:
    """No row of any table holds it, nor the password of the address."""
    import psycopg

    from graphflow.stores import PostgresStore

    graph, start = CASES[name]()
    store = PostgresStore(postgres.url(), schema=schema, cipher=cipher)
    played(graph, start, heard, store=store, run_id="r", **_options(name))
    heard.texts += [repr(store), repr(store.rows())]
    with psycopg.connect(postgres.url()) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,)).fetchall()
        rows = {
            f"{table} {number}": b" ".join(bytes(v) if isinstance(v, bytes) else str(v).encode() for v in row)
            for (table,) in tables
            for number, row in enumerate(connection.execute(f"SELECT * FROM {schema}.{table}".encode()).fetchall())
        }
    assert any(table.startswith("journal") for table in rows)
    assert not found_in(rows)
    assert not [name for name, data in rows.items() if PASSWORD.encode() in data]
    assert not [text for text in heard.all() if PASSWORD in text]
    store.close()


def test_a_start_that_does_not_validate(heard: Heard) -> None:
    """InputInvalid says which field, and shows no value of one that holds secrets."""
    graph: Graph[Picky] = Graph("start", Picky)
    graph.edge(START, END)
    for given in (
        {"key": {"plain": FRESH}},
        {"account": {"name": 7, "key": FRESH}},
        {"topic": "cats", "key": FRESH},
        {"short": FRESH + " bad"},
        {"keys": FRESH},
        {"number": FRESH},
    ):
        with pytest.raises(InputInvalid, match=f"{next(iter(given))}|Picky") as caught:
            graph.run_sync(given)
        heard.error(caught.value)


def test_a_key_of_the_model(heard: Heard) -> None:
    """A provider that repeats the key it refuses; the key was sent, and is told nowhere."""
    graph: Graph[State] = Graph("model", State)
    graph.chain(START, graph.node(Agent("clerk", "You report.", prompt="{topic}"), writes=state.report), END)
    sent: list[str] = []

    def refuse(request: Any) -> Any:
        sent.append(request.key.get_secret_value())
        return wire.unauthorized()

    with FakeOpenAI(refuse) as running:
        used = running.model("m", api_key=MODEL_KEY)
        run = played(graph, State(), heard, model=used)
        heard.texts.append(repr(used))
    assert sent == [MODEL_KEY]
    assert run.status == "failed"


def test_without_a_cipher_nothing_is_started(heard: Heard, tmp_path: Path) -> None:
    """S1.1: the refusal names field, class and the line to write; no file is made."""
    graph, start = CASES["all_goes_well"]()
    with pytest.raises(CipherMissing, match=r"State\.key") as caught:
        graph.run(start, store=tmp_path / "runs.db")
    heard.error(caught.value)
    assert "cipher=FernetCipher(key)" in caught.value.fix
    assert list(tmp_path.iterdir()) == []
    with _closing(tmp_path) as store:
        with pytest.raises(CipherMissing):
            graph.run(start, store=store)
        assert store.ids() == []


def test_an_address_with_a_password_is_not_told(heard: Heard) -> None:
    graph, start = CASES["all_goes_well"]()
    with pytest.raises(CipherMissing) as caught:
        graph.run(start, store=f"postgresql://ann:{CANARY}@host/runs")
    heard.error(caught.value)
    assert "host/runs" in caught.value.what


class _closing:  # noqa: N801
    """A store without a cipher, closed at the end."""

    def __init__(self, folder: Path, cipher: FernetCipher | None = None) -> None:
        self.store = SQLiteStore(folder / "runs.db", cipher=cipher)

    def __enter__(self) -> SQLiteStore:
        return self.store

    def __exit__(self, *_: object) -> None:
        self.store.close()


def _stopped(folder: Path, cipher: FernetCipher) -> Graph[Any]:
    """A run ``r`` that failed after it has written secrets."""
    graph, start = CASES["a_node_that_raises_twice"]()
    with _closing(folder, cipher) as store:
        played(graph, start, Heard(), store=store, run_id="r")
    return graph


def test_another_key_or_none(heard: Heard, cipher: FernetCipher, tmp_path: Path) -> None:
    """A coded error, and nothing is changed: with the key among others the run goes on, sealed with the first."""
    graph = _stopped(tmp_path, cipher)
    before = bytes_below(tmp_path)
    other = FernetCipher(FernetCipher.new_key())
    for given, kind, code in ((None, CipherMissing, "GF309"), (other, CipherKeyUnknown, "GF310")):
        with _closing(tmp_path, given) as store, pytest.raises(kind) as caught:
            graph.resume_sync("r", store=store)
        assert caught.value.code == code
        heard.error(caught.value)
    assert bytes_below(tmp_path) == before
    with _closing(tmp_path) as store, pytest.raises(StoreError, match="key"):
        prune_history(store, "r", graph.plan())


def test_keys_are_changed(cipher: FernetCipher, tmp_path: Path) -> None:
    """The new one seals, the old one opens; what was sealed with the old needs it until it is pruned."""
    old, new = FernetCipher.new_key(), FernetCipher.new_key()
    graph = _stopped(tmp_path, FernetCipher(old))
    with _closing(tmp_path, FernetCipher(new, old)) as store:
        played_again = Heard()
        with pytest.raises(GraphflowError):
            graph.resume_sync("r", store=store, observers=[played_again])
        prune_history(store, "r", graph.plan())
    with _closing(tmp_path, FernetCipher(new)) as store, pytest.raises(GraphflowError, match="failed at wrong"):
        graph.resume_sync("r", store=store)


def test_a_token_that_was_altered(heard: Heard, cipher: FernetCipher, tmp_path: Path) -> None:
    """GF311; the rest of the run can be read."""
    graph = _stopped(tmp_path, cipher)
    connection = sqlite3.connect(tmp_path / "runs.db")
    with connection:
        ((last, body),) = connection.execute("SELECT last, body FROM journal ORDER BY last LIMIT 1").fetchall()
        position = bytes(body).index(b"sealed.") + 60
        bad = bytearray(body)
        bad[position] = ord("A") if bad[position] != ord("A") else ord("B")
        connection.execute("UPDATE journal SET body = ? WHERE last = ?", (bytes(bad), last))
    connection.close()
    with _closing(tmp_path, cipher) as store, pytest.raises(SecretDamaged, match="altered") as caught:
        graph.resume_sync("r", store=store)
    assert caught.value.code == "GF311"
    heard.error(caught.value)
    with _closing(tmp_path) as store:
        assert b'"topic":"owls"' in store.read("r")[0]


def test_what_only_looks_like_a_token_takes_nothing_with_it(cipher: FernetCipher, tmp_path: Path) -> None:
    """A model may answer, or a node write, what a token looks like: it is data, and comes back as it was."""

    class Open(BaseModel):
        key: SecretStr = SecretStr(CANARY)
        said: dict[str, str] = {}
        times: int = 0

    graph: Graph[Open] = Graph("open", Open)

    @graph.node
    def say(view: Open) -> dict[str, Any]:
        return {"said": {"$secret": "sealed.AAAAAAAA"}, "times": view.times + 1}

    @graph.node
    def fail(view: Open) -> dict[str, Any]:
        if view.times == 1:
            raise ValueError("once")
        return {"said": {"$secret": "here.AAAAAAAA"}}

    graph.chain(START, say, fail, END)
    with _closing(tmp_path, cipher) as store:
        run = played(graph, Open(), Heard(), store=store, run_id="r")
        assert run.status == "failed"
        again = asyncio.run(graph.rerun(run, at=run.seq, state={"times": 2}, store=store, run_id="again"))
    assert (again.status, again.state.said) == ("done", {"$secret": "here.AAAAAAAA"})
    assert again.at(run.seq).state.said == {"$secret": "sealed.AAAAAAAA"}


def test_a_rerun_into_a_store_is_sealed(heard: Heard, cipher: FernetCipher, tmp_path: Path) -> None:
    """What was in memory goes on in a file (S15.3); a field given anew is sealed, too."""
    graph, start = CASES["all_goes_well"]()
    run = played(graph, start, heard)
    with pytest.raises(CipherMissing):
        asyncio.run(graph.rerun(run, at=2, store=tmp_path / "runs.db"))
    with _closing(tmp_path, cipher) as store:
        again = asyncio.run(graph.rerun(run, at=2, state={"raw": CANARY.encode()}, store=store, run_id="again"))
        assert again.state.maybe == run.state.maybe
        heard.run(again)
        assert not found_in(bytes_below(tmp_path))


def test_what_a_tool_gave_is_used_again_after_a_crash(heard: Heard, cipher: FernetCipher, tmp_path: Path) -> None:
    """S11.1: the record of a tool's ``ctx.update`` holds the secret sealed, and brings it back."""
    graph, start = CASES["a_tool_that_fails_and_one_that_logs_in"]()
    taken = tmp_path / "taken"
    taken.mkdir()

    def copy(event: Any) -> None:
        heard(event)
        if type(event).__name__ == "EffectRecorded" and event.kind == "tool":
            shutil.copytree(tmp_path / "live", taken / str(event.seq))

    (tmp_path / "live").mkdir()
    with _closing(tmp_path / "live", cipher) as store:
        played(graph, start, heard, store=store, run_id="r", model=model())
        with pytest.raises(GraphflowError):
            asyncio.run(graph.run(start, store=store, run_id="s", model=model(), observers=[copy]))
    folder = sorted(taken.iterdir(), key=lambda one: int(one.name))[1]  # the login is recorded, and then: nothing
    assert not found_in(bytes_below(tmp_path))
    connection = sqlite3.connect(folder / "runs.db")
    with connection:
        connection.execute("UPDATE run SET owner = NULL, lease_until = NULL")  # as if its process had been killed
    connection.close()
    with _closing(folder, cipher) as store:
        run = asyncio.run(graph.resume("s", store=store, model=ScriptedModel(["done"])))
        assert run.state.maybe == SecretStr(CANARY + "-of-a-tool")
        heard.run(run)


GRAPH = """
from pydantic import BaseModel, SecretStr

from graphflow import END, START, Graph


class Login(BaseModel):
    user: str = "ann"
    key: SecretStr
    token: SecretStr | None = None
    tries: int = 0


graph = Graph("login", Login)


@graph.node
def log_in(state: Login) -> dict:
    if state.tries == 0 and state.user == "bob":
        raise PermissionError(f"{state.key.get_secret_value()} is refused")
    return {"token": state.key.get_secret_value()[::-1], "tries": state.tries + 1}


graph.chain(START, log_in, END)
"""


def test_on_the_command_line(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key comes from GRAPHFLOW_KEY. What only shows needs none, exports stay sealed, and a copy goes on elsewhere."""
    pytest.importorskip("cryptography")
    key = FernetCipher.new_key()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHFLOW_KEY", raising=False)
    Path("login.py").write_text(GRAPH)

    def said(*words: str, code: int = 0) -> str:
        assert main(list(words)) == code, words
        told = capsys.readouterr()
        heard.texts += [told.out, told.err]
        assert key not in told.out + told.err
        return told.out + told.err

    assert "GF309" in said("run", "login.py", f"key={CANARY}", "--store", "runs.db", code=1)
    monkeypatch.setenv("GRAPHFLOW_KEY", "none")
    assert "GF312" in said("run", "login.py", f"key={CANARY}", "--store", "runs.db", code=1)
    monkeypatch.setenv("GRAPHFLOW_KEY", key)
    for number in ("1", "2"):
        assert "**********" in said("run", "login.py", f"key={CANARY}", "--store", "runs.db", "--run-id", f"a{number}")
    said("run", "login.py", f"key={CANARY}", "user=bob", "--store", "runs.db", "--run-id", "b", "--debug", code=1)
    said("run", "login.py", f"key={CANARY}", "user=bob", "--json", code=1)
    assert json.loads(said("runs", "diff", "a1", "a2", "--store", "runs.db", "--json"))["is_equal"]
    monkeypatch.delenv("GRAPHFLOW_KEY")
    for json_too in ((), ("--json",)):
        assert "**********" in said("runs", "show", "a1", "--state", "--store", "runs.db", *json_too)
        for words in (("show", "b"), ("list",), ("tail", "a1"), ("diff", "a1", "b"), ("diff", "a1", "a2")):
            assert "sealed." not in said("runs", *words, "--store", "runs.db", *json_too), words
    assert "GF309" in said("runs", "resume", "b", "--store", "runs.db", code=1)
    for of in ((), ("login.py",)):
        assert "log_in" in said("draw", *of, "--run", "b", "--store", "runs.db", "--format", "dot")
    assert "not compared" in said("runs", "diff", "a1", "a2", "--store", "runs.db")
    monkeypatch.setenv("GRAPHFLOW_KEY", FernetCipher.new_key())
    assert "GF310" in said("runs", "resume", "b", "--store", "runs.db", code=1)
    assert "not compared" in said("runs", "diff", "a1", "a2", "--store", "runs.db")
    for of in ((), ("login.py",)):
        assert "log_in" in said("draw", *of, "--run", "b", "--store", "runs.db", "--format", "dot")
    monkeypatch.delenv("GRAPHFLOW_KEY")
    exported = said("runs", "export", "b", "--store", "runs.db")
    Path("b.jsonl").write_text(exported)
    assert '"$secret":"sealed.' in exported
    said("runs", "import", "b.jsonl", "--store", "other.db")
    monkeypatch.setenv("GRAPHFLOW_KEY", f"{FernetCipher.new_key()},{key}")
    said("runs", "resume", "b", "--store", "runs.db", code=1)
    said("runs", "rerun", "b", "--at", "2", "user=eve", "--run-id", "c", "--store", "other.db")
    said("draw", "login.py", "-o", "login.dot")
    graph = runpy.run_path("login.py")["graph"]
    found = compatible(graph, ["b.jsonl", "runs.db"])
    assert found, str(found)
    monkeypatch.delenv("GRAPHFLOW_KEY")
    assert not compatible(graph, "b.jsonl"), "without the key nothing can be said"
    files = bytes_below(tmp_path)
    assert not found_in(files)
    assert not [name for name, data in files.items() if key.encode() in data]


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """Else none of the above would say anything."""
    import base64

    for text in (CANARY, f"x{CANARY}", base64.b64encode(f"ab{CANARY}cd".encode()).decode(), CANARY.encode().hex()):
        assert found_in([text])
    (tmp_path / "file").write_text(f"a {NUMBER}")
    assert found_in(bytes_below(tmp_path))
    heard = Heard()
    heard(NodeFinished(1, "a:1", "a", 0.0, ({"key": CANARY},), 0, ()))
    assert found_in(list(heard.all()))
    assert not issubclass(GraphflowError, StoreError)
