"""What can be done from a page: each thing once, checked before anything changes, and refused in words where it cannot be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("starlette")

from pydantic import BaseModel, SecretStr
from starlette.testclient import TestClient

from graphflow import END, START, Agent, Graph, fields
from graphflow.agents.tools import Tool
from graphflow.models import ScriptedModel, tool_call
from graphflow.service.targets import Target
from graphflow.stores.pruning import prune_history
from graphflow.stores.sqlite import SQLiteStore
from graphflow.studio import actions
from graphflow.studio.addresses import encoded
from graphflow.studio.app import studio_of
from graphflow.studio.desk import Desk
from tests.studio.acting import LETTER, act, acting_page, begun, comes_to, post, start, status_of, written
from tests.studio.desks import HOME, Page, page_over, store_in

SEND = {"verdict": "send", "stars": 4}
QUESTION = "review:1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
def letter(tmp_path: Path) -> Target:
    return written(tmp_path)


@pytest.fixture
def page(store: SQLiteStore, letter: Target) -> Iterator[Page]:
    """A letter waits for its reader."""
    begun(letter, store)
    with acting_page(store, letter) as made:
        yield made


def answer(page: Page, value: object, *, expect: int = 200, question: str = QUESTION) -> dict[str, object]:
    told: dict[str, object] = act(page, "owls-1", "answer", {"question": question, "value": value}, expect=expect)
    return told


def journal(page: Page, run_id: str = "owls-1") -> list[bytes]:
    return list(page.desk.store.read(run_id))


class TestAnswering:
    def test_the_run_goes_on_with_it(self, page: Page) -> None:
        """S10.1: the answer is taken, and the run is driven here to its end."""
        assert answer(page, SEND)["row"]["run"] == "owls-1"  # type: ignore[index]
        comes_to(page, "owls-1", "done")
        assert page.of("owls-1", "/steps/last")["state"]["stars"] == 4

    def test_the_same_button_twice_is_one_answer(self, page: Page) -> None:
        """Before the run has taken it, and after."""
        answer(page, SEND)
        answer(page, SEND)
        comes_to(page, "owls-1", "done")
        before = journal(page)
        answer(page, SEND)
        assert journal(page) == before

    def test_another_answer_afterwards_is_refused(self, page: Page) -> None:
        """S10.1: the first one counts."""
        answer(page, SEND)
        comes_to(page, "owls-1", "done")
        before = journal(page)
        told = answer(page, {"verdict": "change"}, expect=422)
        assert told["error"]["code"] == "GF212"  # type: ignore[index]
        assert journal(page) == before

    def test_of_two_people_at_once_one_is_told(self, page: Page) -> None:
        values = [{"verdict": "send", "stars": n} for n in (1, 2, 3, 4)]
        ready = threading.Barrier(len(values))

        def press(value: object) -> int:
            ready.wait()
            return page.client.post(
                "/api/runs/owls-1/answer",
                json={"question": QUESTION, "value": value},
                headers={"X-Graphflow-Token": page.desk.token},
            ).status_code

        with ThreadPoolExecutor(len(values)) as people:
            statuses = sorted(people.map(press, values))
        assert statuses == [200, 422, 422, 422]
        comes_to(page, "owls-1", "done")
        assert sum(b'"answered"' in entry for entry in journal(page)) == 1
        assert not page.desk.store.answers("owls-1")

    def test_what_is_wrong_is_said_by_field(self, page: Page) -> None:
        before = journal(page)
        told = answer(page, {"verdict": "perhaps", "stars": 9}, expect=422)
        assert set(told["fields"]) == {"verdict", "stars"}  # type: ignore[call-overload]
        assert "less than or equal to 5" in told["fields"]["stars"]  # type: ignore[index]
        assert told["error"]["code"] == "GF212"  # type: ignore[index]
        assert answer(page, {}, expect=422)["fields"] == {"verdict": "This is required."}
        assert answer(page, "yes", expect=422)["error"]
        assert (journal(page), page.desk.store.answers("owls-1")) == (before, [])

    def test_an_answer_that_the_state_does_not_take_is_refused_at_once(
        self, store: SQLiteStore, letter: Target
    ) -> None:
        """S10.1: checked as the run itself will, with the validators of its state."""
        begun(letter, store, topic="a rude owl")
        with acting_page(store, letter) as page:
            told = answer(page, {"verdict": "send", "stars": 5}, expect=422)
            assert "four stars" in told["error"]["why"]  # type: ignore[index]
            assert store.answers("owls-1") == []
            answer(page, {"verdict": "send", "stars": 2})
            comes_to(page, "owls-1", "done")

    @pytest.mark.parametrize("question", ["nobody", "send:1", "review:1/x:1", ""])
    def test_what_is_asked_nowhere_has_no_answer(self, page: Page, question: str) -> None:
        before = journal(page)
        assert answer(page, SEND, question=question, expect=422)["error"]["code"] == "GF212"  # type: ignore[index]
        assert journal(page) == before

    def test_an_early_answer_is_kept_until_it_is_asked(self, page: Page) -> None:
        """S10.1: it goes nowhere by itself, and is taken when the run comes to its question."""
        answer(page, {"verdict": "send", "stars": 5}, question="review:2")
        assert status_of(page, "owls-1") == "waiting"
        assert page.desk.driving is not None
        assert page.desk.driving.runs() == set()
        answer(page, {"verdict": "change"})
        comes_to(page, "owls-1", "done")

    def test_what_another_process_drives_is_left_to_it(self, page: Page, store: SQLiteStore) -> None:
        """S18: the answer lies in the store for its driver; where that is gone without it, the run goes on here."""
        store.acquire("owls-1")
        assert answer(page, SEND)["row"]["is_driven"]  # type: ignore[index]
        assert [left.key for left in store.answers("owls-1")] == [QUESTION]
        assert b'"answered"' not in journal(page)[-1]
        store.release("owls-1")
        comes_to(page, "owls-1", "done")


class Paying(BaseModel):
    text: str = ""
    paid: int = 0


def paying() -> Graph[Paying]:
    """An agent whose tool is approved by a person."""

    def pay(amount: int) -> str:
        """Pays."""
        return f"paid {amount}"

    graph = Graph("pay", Paying)
    model = ScriptedModel([tool_call("pay", amount=7), "All paid.", "Nothing was paid."])
    agent = Agent("payer", "Pay.", prompt="p", tools=[Tool(pay, needs_approval=True)], model=model)
    graph.chain(START, graph.node(agent, writes=fields(Paying).text), END)
    return graph


class TestApproving:
    @pytest.mark.parametrize("is_approved", [True, False])
    def test_a_call_is_approved_or_refused(self, store: SQLiteStore, is_approved: bool) -> None:
        """S10.4: yes and no; anything else is refused, with words."""
        graph = paying()
        graph.run_sync(Paying(), store=store, run_id="pay-1")
        with page_over(store, targets=[Target("pay.py", "graph", graph)]) as page:
            [question] = page.of("pay-1")["questions"]
            assert (question["kind"], question["call"]["arguments"]) == ("approval", {"amount": 7})
            body = {"question": question["id"], "value": "perhaps"}
            assert set(act(page, "pay-1", "answer", body, expect=422)["fields"]) == {"value"}
            act(page, "pay-1", "answer", body | {"value": is_approved})
            comes_to(page, "pay-1", "done")
        decided = [entry for entry in store.read("pay-1") if b'"decided"' in entry]
        assert [(b'"approved":true' in entry) for entry in decided] == [is_approved]


class TestGoingOn:
    def test_a_failed_run_is_resumed(self, store: SQLiteStore, letter: Target, tmp_path: Path) -> None:
        (tmp_path / "down").touch()
        assert begun(letter, store).status == "failed"
        (tmp_path / "down").unlink()
        with acting_page(store, letter) as page:
            act(page, "owls-1", "resume")
            comes_to(page, "owls-1", "waiting")

    def test_one_that_ended_is_not(self, page: Page) -> None:
        answer(page, SEND)
        comes_to(page, "owls-1", "done")
        before = journal(page)
        assert "rerun" in act(page, "owls-1", "resume", expect=400)["error"]["fix"].lower()
        assert journal(page) == before

    def test_another_driver_is_said_plainly(self, page: Page, store: SQLiteStore) -> None:
        """S18"""
        store.acquire("owls-1")
        assert act(page, "owls-1", "resume", expect=409)["error"]["code"] == "GF302"
        assert act(page, "owls-1", "stop", expect=409)["error"]["code"] == "GF547"
        store.release("owls-1")

    def test_stopping_what_stands_changes_nothing(self, page: Page) -> None:
        before = journal(page)
        assert act(page, "owls-1", "stop")["row"]["status"] == "waiting"
        assert journal(page) == before

    @pytest.mark.parametrize("what", ["answer", "resume", "rerun"])
    def test_a_graph_that_is_gone_is_said(self, store: SQLiteStore, tmp_path: Path, what: str) -> None:
        target = written(tmp_path, name="gone.py")
        begun(target, store)
        (tmp_path / "gone.py").unlink()
        body = {"question": QUESTION, "value": SEND, "seq": 2}
        with acting_page(store) as page:
            before = journal(page)
            assert act(page, "owls-1", what, body, expect=404)["error"]["code"] == "GF530"
            assert (journal(page), store.answers("owls-1"), store.ids()) == (before, [], ["owls-1"])

    def test_a_graph_that_cannot_be_imported_is_said(self, store: SQLiteStore, tmp_path: Path) -> None:
        target = written(tmp_path, name="fine.py")
        target.graph.found_at = f"{tmp_path / 'broken.py'}:graph"
        begun(target, store)
        (tmp_path / "broken.py").write_text("import no_such_library\n")
        with acting_page(store) as page:
            told = act(page, "owls-1", "resume", expect=400)["error"]
            assert told["code"] == "GF520"
            assert "no_such_library" in told["why"]

    def test_a_graph_that_changed_too_much_is_shown_with_what_changed(
        self, store: SQLiteStore, letter: Target, tmp_path: Path
    ) -> None:
        """S16: nothing has changed, the answer is not left either."""
        begun(letter, store)
        other = written(tmp_path, LETTER.replace('"review"', '"inspect"'), "changed.py")
        (tmp_path / "letter.py").unlink()
        with acting_page(store, other) as page:
            before = journal(page)
            for what, body in (("resume", {}), ("answer", {"question": QUESTION, "value": SEND})):
                told = act(page, "owls-1", what, body, expect=400)["error"]
                assert told["code"] == "GF304"
                assert "review" in told["what"] + told["why"]
            assert (journal(page), store.answers("owls-1")) == (before, [])

    def test_a_model_that_needs_a_key_is_said_before_anything_changes(
        self, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GRAPHFLOW_MODEL"):
            monkeypatch.delenv(name, raising=False)
        graph = Graph("talk", Paying)
        graph.chain(START, graph.node(Agent("a", "i", prompt="p"), writes=fields(Paying).text), END)
        with acting_page(store, Target("talk.py", "graph", graph), model="openai/gpt-5") as page:
            told = start(page, "talk", {"state": {}}, expect=400)["error"]
            assert "key" in (told["what"] + told["why"] + told["fix"]).lower()
            assert store.ids() == []


class TestRerunning:
    def test_a_new_run_with_another_state(self, page: Page) -> None:
        """S15.3: the old one stays as it is."""
        before = journal(page)
        at = page.of("owls-1")["last"]
        form = page.of("owls-1", f"/rerun/{at}")
        assert (form["state"]["topic"], form["state"]["draft"], form["from"]) == ("owls", "All about owls", ["review"])
        new = act(page, "owls-1", "rerun", {"seq": at, "state": {"draft": "Another", "topic": "cats"}, "id": "owls-2"})[
            "run"
        ]
        comes_to(page, new, "waiting")
        assert new == "owls-2"
        state = page.of(new, "/steps/last")["state"]
        assert (state["draft"], state["topic"]) == ("Another", "cats")
        assert page.of(new)["row"]["parent"] == "owls-1"
        assert journal(page) == before

    @pytest.mark.parametrize(
        ("state", "names"),
        [
            ({"stars": 9}, {"stars"}),
            ({"stars": "many", "tags": [1]}, {"stars", "tags.0"}),
            ({"topik": "x"}, {"topik"}),
        ],
    )
    def test_a_state_that_does_not_validate(self, page: Page, state: dict[str, object], names: set[str]) -> None:
        told = act(page, "owls-1", "rerun", {"seq": 2, "state": state}, expect=422)
        assert set(told["fields"]) == names
        assert page.desk.store.ids() == ["owls-1"]

    def test_validators_of_the_whole_state_count_too(self, page: Page) -> None:
        """Nothing is left of a run that could not begin."""
        told = act(page, "owls-1", "rerun", {"seq": 2, "state": {"topic": "rude", "stars": 5}}, expect=422)
        assert "four stars" in told["error"]["why"]
        assert page.desk.store.ids() == ["owls-1"]

    @pytest.mark.parametrize("seq", [None, "2", True, 99, -1, 2.5])
    def test_no_such_step(self, page: Page, seq: object) -> None:
        answer = page.client.post(
            "/api/runs/owls-1/rerun", json={"seq": seq}, headers={"X-Graphflow-Token": page.desk.token}
        )
        assert answer.status_code in (400, 404, 422)
        assert answer.json()["error"]["what"]
        assert page.desk.store.ids() == ["owls-1"]

    def test_a_moment_that_was_pruned(self, page: Page, store: SQLiteStore, letter: Target) -> None:
        answer(page, {"verdict": "change"})
        comes_to(page, "owls-1", "waiting")
        prune_history(store, "owls-1", letter.graph.plan())
        assert page.of("owls-1", "/rerun/1", expect=410)["error"]["code"] == "GF308"
        assert act(page, "owls-1", "rerun", {"seq": 1}, expect=410)["error"]["code"] == "GF308"

    def test_after_its_end_there_is_nothing_left(self, page: Page) -> None:
        answer(page, SEND)
        comes_to(page, "owls-1", "done")
        last = page.of("owls-1")["last"]
        assert page.of("owls-1", f"/rerun/{last}", expect=409)["error"]["code"] == "GF548"
        assert act(page, "owls-1", "rerun", {"seq": last}, expect=400)["error"]["what"]


class TestStarting:
    def test_from_its_form(self, page: Page) -> None:
        form = page.get("/api/graphs/letter/form")
        kinds = {field["name"]: (field["kind"], field["required"]) for field in form["form"]["fields"]}
        assert kinds["topic"] == ("text", True)
        assert (kinds["tags"], kinds["stars"]) == (("list", False), ("integer", False))
        assert form["purpose"] == "a letter that somebody reads"
        assert start(page, "letter", {"state": {"topic": "cats"}, "id": "cats"}) == {"run": "cats"}
        comes_to(page, "cats", "waiting")

    def test_the_same_button_twice_is_one_run(self, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions, "_TWICE_S", 600.0)
        body = {"state": {"topic": "cats"}}
        assert start(page, "letter", body) == start(page, "letter", body)
        assert start(page, "letter", body) != start(page, "letter", {"state": {"topic": "dogs"}})
        assert act(page, "owls-1", "rerun", {"seq": 2}) == act(page, "owls-1", "rerun", {"seq": 2})

    def test_a_name_that_is_taken(self, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions, "_TWICE_S", 0.0)
        before = journal(page)
        told = start(page, "letter", {"state": {"topic": "x"}, "id": "owls-1"}, expect=400)["error"]
        assert "owls-1" in told["what"]
        assert journal(page) == before

    @pytest.mark.parametrize("name", ["two words", "-x", "x" * 200, 7, "<b>"])
    def test_what_is_no_name(self, page: Page, name: object) -> None:
        assert start(page, "letter", {"state": {"topic": "x"}, "id": name}, expect=422)["error"]["code"] == "GF548"

    def test_a_state_that_does_not_validate(self, page: Page) -> None:
        told = start(page, "letter", {"state": {"stars": 9, "topik": "x"}}, expect=422)
        assert set(told["fields"]) == {"topic", "stars", "topik"}
        assert told["fields"]["topic"] == "This is required."
        assert "'topic'" in told["fields"]["topik"]
        assert told["error"]["code"] == "GF211"
        assert page.desk.store.ids() == ["owls-1"]

    def test_a_graph_that_is_not_there(self, page: Page) -> None:
        assert "letter" in start(page, "leter", {"state": {}}, expect=404)["error"]["fix"]
        assert page.get("/api/graphs/leter/form", expect=404)["error"]["code"] == "GF502"


class Keyed(BaseModel):
    key: SecretStr
    spare: SecretStr = SecretStr("hunter22")
    topic: str = "owls"
    length: int = 0
    is_fine: bool = False


def keyed() -> Graph[Keyed]:
    graph = Graph("keyed", Keyed)
    keyed = fields(Keyed)

    @graph.node(writes=keyed.length)
    def measure(state: Keyed) -> int:
        return len(state.key.get_secret_value())

    go = graph.ask("go", "Go?", answer=bool, writes=keyed.is_fine)
    graph.chain(START, go, measure, END)
    return graph


def test_a_run_goes_on_with_the_graph_that_it_is_of(store: SQLiteStore, letter: Target, tmp_path: Path) -> None:
    """Where another of its name was given, too; of two of one name none is started."""
    begun(letter, store)
    other = written(tmp_path, LETTER.replace('"review"', '"inspect"'), "other.py")
    with acting_page(store, other) as page:
        answer(page, SEND)
        comes_to(page, "owls-1", "done")
    with acting_page(store, letter, other) as page:
        assert "FILE:NAME" in start(page, "letter", {"state": {"topic": "x"}}, expect=404)["error"]["fix"]


class TestSecrets:
    @pytest.fixture
    def page(self, tmp_path: Path) -> Iterator[Page]:
        pytest.importorskip("cryptography")
        from graphflow.stores.ciphers import FernetCipher

        cipher = FernetCipher(FernetCipher.new_key())
        with store_in(tmp_path) as looking, store_in(tmp_path, cipher=cipher) as acting:
            desk = Desk(looking, acting, place="runs.db", targets=[Target("k.py", "graph", keyed())])
            with TestClient(studio_of(desk).app, base_url=HOME, raise_server_exceptions=False) as client:
                yield Page(client, desk)

    def test_they_are_typed_once_kept_and_never_told(self, page: Page) -> None:
        """S3.8: a field of a secret that is left empty stays as it is, one that is typed anew is another."""
        form = page.client.get("/api/graphs/keyed/form").text
        assert "hunter22" not in form
        assert start(page, "keyed", {"state": {"key": ""}}, expect=422)["fields"] == {"key": "This is required."}
        start(page, "keyed", {"state": {"key": "swordfish", "spare": ""}, "id": "k-1"})
        comes_to(page, "k-1", "waiting")
        told = page.client.get("/api/runs/k-1/rerun/2").text
        assert "swordfish" not in told
        assert "hunter22" not in told
        act(page, "k-1", "rerun", {"seq": 2, "state": {"key": "", "topic": "cats"}, "id": "kept"})
        act(page, "k-1", "rerun", {"seq": 2, "state": {"key": "a longer one"}, "id": "other"})
        for run_id, length in (("kept", 9), ("other", 12)):
            comes_to(page, run_id, "waiting")
            act(page, run_id, "answer", {"question": "go:1", "value": True})
            comes_to(page, run_id, "done")
            assert page.of(run_id, f"/steps/{page.of(run_id)['last'] - 1}")["state"]["length"] == length

    def test_what_is_wrong_with_one_does_not_repeat_it(self, page: Page) -> None:
        answer = page.client.post(
            "/api/graphs/keyed/start",
            json={"state": {"key": {"deep": "swordfish"}}},
            headers={"X-Graphflow-Token": page.desk.token},
        )
        assert answer.status_code == 422
        assert "swordfish" not in answer.text


class TestWhoMay:
    def posts(self, page: Page) -> list[str]:
        """Every address of the studio that takes a POST."""
        found = [
            route for route in actions.action_routes(page.desk) if "POST" in (getattr(route, "methods", None) or ())
        ]
        return [
            route.path.replace("{id:name}", "letter" if "/graphs/" in route.path else "owls-1")  # type: ignore[attr-defined]
            for route in found
        ]

    @pytest.mark.parametrize("token", ["", "stale"])
    def test_without_the_token_nothing_is_done(self, page: Page, token: str) -> None:
        body = {"question": QUESTION, "value": SEND, "seq": 2, "state": {"topic": "x"}}
        paths = self.posts(page)
        assert [path.rpartition("/")[2] for path in paths] == ["answer", "resume", "stop", "rerun", "start"]
        for path in paths:
            assert post(page, path, body, token=token, expect=403)["error"]["code"] == "GF543"
        assert (page.desk.store.ids(), page.desk.store.answers("owls-1")) == (["owls-1"], [])

    def test_a_studio_to_look_does_nothing(self, store: SQLiteStore, letter: Target) -> None:
        begun(letter, store)
        body = {"question": QUESTION, "value": SEND, "seq": 2, "state": {"topic": "x"}}
        with acting_page(store, letter, is_read_only=True) as page:
            for path in self.posts(page):
                assert post(page, path, body, expect=403)["error"]["code"] == "GF544"
            assert page.of("owls-1", "/rerun/2")["state"]["topic"] == "owls"
        assert (store.ids(), store.answers("owls-1")) == (["owls-1"], [])

    @pytest.mark.parametrize("body", ["", "[]", "nonsense", "7", "null"])
    def test_what_is_no_object_is_refused(self, page: Page, body: str) -> None:
        headers = {"X-Graphflow-Token": page.desk.token, "Content-Type": "application/json"}
        for path in self.posts(page):
            answer = page.client.post(path, content=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "GF548")

    def test_a_run_of_any_name(self, store: SQLiteStore, letter: Target) -> None:
        for name in ("../", "a/b", "<script>"):
            begun(letter, store, name)
            with acting_page(store, letter) as page:
                act(page, name, "answer", {"question": QUESTION, "value": SEND})
                comes_to(page, name, "done")
                assert encoded(name) not in ("../", "a/b")

    def test_no_such_run(self, page: Page) -> None:
        for what in ("answer", "resume", "stop", "rerun"):
            body = {"question": QUESTION, "value": SEND, "seq": 1}
            assert act(page, "nobody", what, body, expect=404)["error"]["code"] == "GF301"
