"""Where the runs of a test start: what a user of the graph gives it is made up, and what is said of it is true."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

import pytest
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, model_validator

from graphflow import END, START, Agent, Graph, extend, fields
from graphflow.errors import InputInvalid
from graphflow.errors.testing import PropertyFailed
from graphflow.testing import explore, faults, never, says, sometimes, verify, walks
from graphflow.testing.values.inputs import inputs_of


class Docs(BaseModel):
    topic: str = "owls"
    documents: list[str] = []
    kind: Literal["short", "long"] = "short"
    most: int = 3
    words: Annotated[list[str], extend] = []
    best: str = ""


docs = fields(Docs)


def digest(first_word: Any = None, *, is_declared: bool = True) -> Graph[Docs]:
    """A map over documents, each to a few words; then the best of them."""
    graph = Graph("digest", Docs)

    def read(state: Docs, item: str) -> list[str]:
        return (first_word or str.split)(item)[: state.most]

    def pick(state: Docs) -> Any:
        best = max(state.words, default="")
        return best if is_declared else {"best": best}

    reads = graph.node(read, writes=docs.words)
    picks = graph.node(pick, writes=docs.best) if is_declared else graph.node(pick)
    begin = graph.point("begin")
    graph.edge(START, begin)
    graph.map(begin, reads, over=docs.documents, join=picks, failures="stop")
    graph.edge(picks, END, when=docs.kind == "short")
    graph.edge(picks, END)
    return graph


class TestWhatIsMadeUp:
    def test_a_map_over_a_list_that_is_empty_by_default_runs(self) -> None:
        graph = digest(lambda text: [text.split()[0]])
        with pytest.raises(PropertyFailed, match=r"start documents=\[''\]") as found:
            verify(graph)
        assert "replay(digest, start=Docs(documents=['']), steps=[('read',)])" in str(found.value)
        seen: set[int] = set()

        @walks(graph, agents={"read": says(["a"])})
        def test(run: Any) -> None:
            seen.add(len(run.state.documents))

        cast("Any", test)()
        assert seen >= {0, 1, 2, 3}

    def test_what_nodes_write_and_what_nobody_looks_at_starts_as_declared(self) -> None:
        graph = digest()
        seen: set[tuple[str, str, tuple[str, ...]]] = set()

        def look(state: Docs) -> list[str]:
            seen.add((state.topic, state.best, tuple(state.words)))
            return []

        verify(graph, agents={"pick": lambda state: (look(state), "best")[1]}, runs=50)
        assert {best for _, best, _ in seen} == {""}
        assert "start  documents, kind, most made up or as declared, the rest as declared" in str(
            verify(graph, runs=20)
        )

    def test_code_is_read_where_nothing_is_declared(self) -> None:
        assert inputs_of(digest(is_declared=False).plan()) == ("topic", "documents", "kind", "most")

    def test_what_is_said_in_the_place_of_a_node_counts_as_written(self) -> None:
        graph = Graph("page", Docs)

        def fetch(state: Docs) -> Any:
            raise AssertionError("the network")

        graph.chain(START, graph.node(fetch), END)
        says_a_topic = {"fetch": {"topic": "page"}}
        assert "made up" not in verify(graph, agents=says_a_topic, properties=[never(docs.topic == "é")], runs=20).start
        assert "made up" not in explore(graph, agents=says_a_topic, properties=[never(docs.topic == "é")]).start

    def test_a_failure_shrinks_toward_the_defaults(self) -> None:
        with pytest.raises(PropertyFailed) as found:
            verify(digest(), properties=[never(docs.kind == "long")])
        assert "start kind='long'\n" in str(found.value)

    def test_values_are_small_and_valid(self) -> None:
        class State(BaseModel):
            times: int = 3
            share: Annotated[float, Field(gt=0, lt=1)] = 0.5
            low: int = 0
            high: int = 9
            out: list[int] = []

            @model_validator(mode="after")
            def low_is_low(self) -> State:
                assert self.low <= self.high
                return self

        state = fields(State)
        graph = Graph("count", State)
        seen: list[State] = []

        @graph.node(writes=state.out)
        def count(state: State) -> list[int]:
            seen.append(state)
            return list(range(state.times, state.high))

        graph.chain(START, count, END)
        verify(graph)
        assert all(abs(one.times) <= 2_000 and abs(one.high) <= 2_000 for one in seen)
        assert all(0 < one.share < 1 and one.low <= one.high for one in seen)
        assert len({one.times for one in seen}) > 5

    def test_a_type_of_which_nothing_can_be_made_stays_as_declared(self) -> None:
        def as_it_is(text: str) -> str:
            assert text == "as it is"
            return text

        class Never(BaseModel):
            x: int

            @model_validator(mode="after")
            def refuse(self) -> Never:
                raise ValueError("never")

        class State(BaseModel):
            key: Never | None = None
            odd: Annotated[str, AfterValidator(as_it_is)] = "as it is"
            out: str = ""

        state = fields(State)
        graph = Graph("odd", State)
        graph.chain(START, graph.node(lambda state: f"{state.key} {state.odd}", name="look", writes=state.out), END)
        assert verify(graph, runs=60).properties
        assert explore(graph).is_complete


class TestWhatIsGiven:
    def test_some_fields(self) -> None:
        graph = digest()
        found = verify(graph, start={"documents": ["a b"], "most": st.integers(0, 3)}, runs=50)
        assert found.start == "documents, most as given, kind made up or as declared, the rest as declared"
        assert explore(graph, start={"documents": ["a b"]}).start.startswith("documents as given, kind, most made up")
        verify(
            graph, start={"documents": ["a b"]}, properties=[never(docs.documents == []), sometimes(docs.best == "b")]
        )

    def test_a_state_or_a_strategy_is_all_there_is(self) -> None:
        assert verify(digest(), start=Docs(), runs=20).start == "as given"
        strategy = st.builds(Docs, documents=st.just(["a"]))
        assert verify(digest(), start=strategy, runs=20).start == "drawn from the strategy that was given"
        assert explore(digest(), start=Docs()).start == "as given"

    def test_other_required_fields_are_made_up(self) -> None:
        class State(BaseModel):
            topic: str
            number: int
            out: str = ""

        graph = Graph("two", State)
        graph.chain(START, graph.node(lambda state: {"out": state.topic}, name="copy"), END)
        assert (
            verify(graph, start={"topic": "owls"}, runs=20).start
            == "topic as given, number made up, the rest as declared"
        )

    @pytest.mark.parametrize(
        ("start", "told"),
        [({"documents": 5}, "documents: Input should be a valid list"), ({"docments": []}, "Did you mean 'documents'")],
    )
    def test_a_mistake_is_told_at_once(self, start: dict[str, Any], told: str) -> None:
        for test in (verify, explore):
            with pytest.raises(InputInvalid, match=told):
                test(digest(), start=start)


class TestWhatIsExplored:
    def test_a_few_ways_to_start_each_value_at_least_once(self) -> None:
        found = explore(digest())
        assert found.taken == {"START -> begin", "begin -> read", "read -> pick", "pick -> END [kind == \"short\"]", "pick -> END [else]"}  # fmt: skip
        assert found.start == "documents, kind, most made up or as declared, the rest as declared (16 ways)"
        assert not found.is_proved
        assert any(note.startswith("runs were started with a few values of documents, most") for note in found.notes)
        assert any(note.startswith("of all ways to start only 16 were tried") for note in found.notes)

    def test_what_conditions_alone_look_at_is_proved(self) -> None:
        graph = Graph("kinds", Docs)
        ask = graph.node(Agent("ask", "Ask.", prompt="{topic}"), writes=docs.best)
        graph.edge(START, ask)
        graph.edge(ask, END, when=docs.kind == "short")
        graph.edge(ask, END, when=docs.most > 7)
        graph.edge(ask, END)
        found = explore(graph)
        assert (found.is_proved, found.never_taken) == (True, {})
        assert not explore(graph, start=Docs()).is_proved or explore(graph, start=Docs()).never_taken


def test_texts_that_agents_say_are_never_empty() -> None:
    """As of a real one, which is asked again; of a person's answer, a field of a result and the fault `empty` they may be."""

    def heard(given: Any = faults.none) -> set[str]:
        graph = Graph("say", Docs)
        say = graph.node(Agent("say", "Say.", prompt="{topic}"), writes=docs.best)
        said: set[str] = set()

        def listen(state: Docs) -> None:
            said.add(state.best)

        graph.chain(START, say, graph.node(listen, name="listen"), END)
        verify(graph, faults=given)
        return said

    plain = heard()
    assert all(text.strip() for text in plain)
    assert len(plain) > 5
    assert "" in heard(faults.empty())
    with pytest.raises(PropertyFailed, match="say  says 'x'\n"):
        graph = Graph("say", Docs)
        say = graph.node(Agent("say", "Say.", prompt="{topic}"), writes=docs.best)
        graph.edge(START, say)
        graph.edge(say, END, when=docs.topic == "nobody's")
        verify(graph)
