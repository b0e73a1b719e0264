"""S10, S18: answers of people, over several processes of which none need live while they think."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from graphflow.cli.main import main
from graphflow.core.journal import decode
from tests.faults.places import DEADLINE_S, Child, Drivers, Ended

APP = str(Path(__file__).with_name("people_app.py"))
BOTH = ["clerk:1/send:1", "clerk:1/send:2"]
UNDISTURBED = ["model 0", "model 2", "sent ann", "sent bob"]


class People:
    """What people do to one run of one graph."""

    def __init__(self, drivers: Drivers, graph: str, **state: Any) -> None:
        self.drivers, self.graph, self.state = drivers, graph, json.dumps(state)

    def begin(self, *answers: str) -> Child:
        """A process that starts the run, or goes on with it."""
        place = self.drivers.place.address
        return self.drivers.started([sys.executable, APP, place, "r", self.graph, self.state, *answers])

    def drive(self, *answers: str) -> dict[str, Any]:
        return self.begin(*answers).ended().told

    def answering(self, key: str, value: str) -> Child:
        """Another process answers."""
        return self.drivers.command("runs", "answer", "r", key, value, "--store", self.drivers.place.address, "--json")

    def answer(self, key: str, value: str) -> Ended:
        """This process answers, which drives nothing."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = main(["runs", "answer", "r", key, value, "--store", self.drivers.place.address, "--json"])
        return Ended(code, out.getvalue(), errors.getvalue())

    def kinds(self) -> list[str]:
        """Of the entries so far; also while the run is driven."""
        with closing(self.drivers.place.open()) as store:
            return [decode(text)["kind"] for text in store.read("r")]

    def wait_until_due(self) -> None:
        """Until the time of what is asked is over."""
        with closing(self.drivers.place.open()) as store:
            due = store.row("r").standing.questions[0]["due"]
        while time.time() <= due:
            time.sleep(0.02)


def test_nobody_lives_while_people_think(drivers: Drivers) -> None:
    """S10.1, S10.4: the run waits as a row; as many requests and calls as undisturbed, whoever answers, one by one."""
    people = People(drivers, "approve")
    told = people.drive()
    asked = [f"START:1[0]/{question}" for question in BOTH]
    assert (told["status"], told["questions"]) == ("waiting", asked)
    assert people.kinds()[-1] == "waiting"
    with closing(drivers.place.open()) as store:
        row = store.row("r")
        assert (row.standing.status, row.is_driven) == ("waiting", False)
        assert [question["call"]["arguments"] for question in row.standing.questions] == [{"to": "ann"}, {"to": "bob"}]
    assert people.drive(f"{asked[1]}=true")["questions"] == asked[:1]
    assert people.answer(asked[0], "yes").code == 0
    told = people.drive()
    assert (told["status"], told["state"]["text"]) == ("done", "sent to ann | sent to bob")
    assert sorted(line for line in drivers.log() if line != "hold") == UNDISTURBED
    assert people.kinds().count("decided") == 2


def test_a_driver_is_killed_with_the_question_open(drivers: Drivers) -> None:
    """S10.4, S14.2: what was asked is asked still, under the same ids, and nothing is done twice."""
    people = People(drivers, "approve", holds_s=DEADLINE_S)
    child = people.begin()

    def is_asked() -> bool:
        with closing(drivers.place.open()) as store:
            return any(b'"asked"' in text and b"send:2" in text for text in store.read("r")) if store.ids() else False

    drivers.until(child, is_asked)
    child.kill()
    for question in BOTH:
        assert people.answer(f"START:1[0]/{question}", "yes").code == 0
    drivers.until(again := people.begin(), lambda: "model 2" in drivers.log())
    again.kill()
    assert sorted(line for line in drivers.log() if line != "hold") == UNDISTURBED
    assert people.kinds().count("asked") == 2


@pytest.mark.parametrize("graph", ["ask", "approve"])
def test_of_two_answers_one_wins_and_the_other_is_told(drivers: Drivers, graph: str) -> None:
    """S10.1: one after the other, and both at once."""
    people = People(drivers, graph)
    key = people.drive()["questions"][0]
    both = [people.answering(key, value) for value in ("yes", "no")]
    ended = [child.ended() for child in both]
    assert sorted(one.code for one in ended) == [0, 2], ended
    assert "GF212" in ended[0].errors + ended[1].errors + ended[0].out + ended[1].out
    is_yes = ended[0].code == 0
    assert people.answer(key, "yes").code == 2
    with closing(drivers.place.open()) as store:
        assert store.answers("r")[0].value is is_yes
    people.drive()
    entries = [entry for entry in drivers.place.journal() if entry["kind"] in ("answered", "decided")]
    assert len(entries) == 1
    assert entries[0].get("approved", entries[0].get("updates", [{}])[0].get("is_sent")) is is_yes
    late = people.answer(key, "no")
    assert (late.code, "no longer open" in late.errors + late.out) == (2, True)


def test_an_answer_that_comes_first_is_kept_for_its_question(drivers: Drivers) -> None:
    """S10.1: the second question never waits."""
    people = People(drivers, "ask")
    assert people.drive()["questions"] == ["first:1"]
    assert people.answer("second", "Ann").code == 0
    told = people.drive("first=true")
    assert (told["status"], told["state"]["name"]) == ("done", "Ann")


def test_an_approval_that_comes_first_is_refused(drivers: Drivers) -> None:
    """S10.4: nobody approves what nobody has seen."""
    people = People(drivers, "approve")
    people.drive()
    early = people.answer("START:1[0]/clerk:1/send:3", "yes")
    assert (early.code, "not before it is asked about" in early.errors + early.out) == (2, True)
    with closing(drivers.place.open()) as store:
        store.answer("r", "START:1[0]/clerk:1/send:3", True)  # by a program that asks nobody
    child = people.begin()
    ended = child.ended()
    assert (ended.told["status"], "was dropped" in ended.errors) == ("waiting", True)
    assert drivers.logged("sent").total() == 0


@pytest.mark.parametrize("graph", ["ask_soon", "approve_soon"])
def test_the_time_is_over_before_the_answer(drivers: Drivers, graph: str) -> None:
    """S10.3: the run goes on along its timer edge, and who answers then is told."""
    people = People(drivers, graph)
    key = people.drive()["questions"][0]
    people.wait_until_due()
    assert people.drive()["state"]["text"] == "Nobody answered."
    late = people.answer(key, "yes")
    assert late.code == 2
    assert drivers.logged("sent").total() == 0
    kinds = people.kinds()
    assert kinds.count("timer") == 1
    assert not {"answered", "decided"} & set(kinds)


@pytest.mark.parametrize("graph", ["ask_soon", "approve_soon"])
def test_the_answer_is_there_before_the_time_is_over(drivers: Drivers, graph: str) -> None:
    """S10.3: on resume answers go first, also where nobody drove the run when its time came."""
    people = People(drivers, graph)
    told = people.drive()
    with closing(drivers.place.open()) as store:
        for key in told["questions"]:
            store.answer("r", key, True)
    people.wait_until_due()
    told = people.drive()
    assert (told["status"], "late" in drivers.log()) == ("waiting" if graph == "ask_soon" else "done", False)
    assert "timer" not in people.kinds()
    if graph == "approve_soon":
        assert sorted(drivers.log()) == UNDISTURBED


def test_a_worker_goes_on_with_what_was_answered(drivers: Drivers) -> None:
    """S10.2: it takes a run that was answered in part, and leaves it waiting for the rest."""
    people = People(drivers, "approve")
    keys = people.drive()["questions"]
    worker = drivers.command("worker", "--store", drivers.place.address)
    try:
        for number, (key, value) in enumerate(zip(keys, ("no", "yes"), strict=True), 1):
            assert people.answer(key, value).code == 0
            drivers.until(
                worker, lambda number=number: people.kinds().count("waiting") > number or "ended" in people.kinds()
            )
    finally:
        worker.kill()
    assert sorted(line for line in drivers.log() if line != "hold") == ["model 0", "model 2", "sent bob"]
