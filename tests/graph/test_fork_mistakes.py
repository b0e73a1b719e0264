"""Mistakes in declaring forks, maps and joins, each with its full message (S6)."""

from __future__ import annotations

from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.expressions import fields
from graphflow.graph.needs import best_effort, quorum
from tests.graph.essays import Essay, Other, essay, essay_graph, write
from tests.graph.snapshots import says


@says("""
[GF119] <node 'write' of graph 'essay'> is no list of targets
  where  here   graph.fork(START, a, join=END)
  why    A fork starts one branch per target, in the order of a list, or of a dict with conditions. (S6.1)
  fix    For one target write graph.edge; for several: graph.fork(source, [write, ...], join=...).
""")
def test_a_fork_to_one_node() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.fork(START, a, join=END)


@says("""
[GF119] 'write' is no list of targets
  where  here   graph.fork(START, "write", join=END)
  why    A fork starts one branch per target, in the order of a list, or of a dict with conditions. (S6.1)
  fix    For one target write graph.edge; for several: graph.fork(source, ['write', ...], join=...).
""")
def test_a_fork_to_a_name() -> None:
    graph = essay_graph()
    graph.node(write)
    graph.fork(START, "write", join=END)


@says("""
[GF119] {<node 'write' of graph 'essay'>} is no list of targets
  where  here   graph.fork(START, {a}, join=END)
  why    A fork starts one branch per target, in the order of a list, or of a dict with conditions. (S6.1)
  fix    Branches have an order: write a list.
""")
def test_a_fork_to_a_set() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.fork(START, {a}, join=END)


@says("""
[GF119] A fork has no targets
  where  here   graph.fork(START, [], join=END)
  why    It starts one branch per target. (S6.1)
  fix    Name at least one node, or write graph.edge(source, join).
""")
def test_a_fork_to_nothing() -> None:
    graph = essay_graph()
    graph.node(write)
    graph.fork(START, [], join=END)


@says("""
[GF121] A branch cannot start at END
  where  here   graph.fork(START, [a, END], join=END)
  why    A branch is a path of nodes that leads to the join. (S6.2)
  fix    Lead to END by an edge: graph.edge(..., END).
""")
def test_a_branch_that_starts_at_end() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.fork(START, [a, END], join=END)


@says("""
[GF121] Branches cannot meet at FAIL
  where  here   graph.fork(START, [a], join=FAIL)
  why    A join is a node, or END at the top. (S6.2)
  fix    Join at a node and go on from there: graph.edge(join, FAIL).
""")
def test_a_join_at_fail() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.fork(START, [a], join=FAIL)


@says("""
[GF128] need=2 does not say when the join fires
  where  here   graph.fork(START, [a], join=END, need=2)
  why    It is 'all', 'first', quorum(k), best_effort(at_least=k, within_s=t), or a condition on the merge so far. (S6.6)
  fix    Write need=quorum(2).
""")
def test_need_as_a_count() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.fork(START, [a], join=END, need=2)


@says("""
[GF128] need='any' does not say when the join fires
  where  here   graph.fork(START, [a], join=END, need="any")
  why    It is 'all', 'first', quorum(k), best_effort(at_least=k, within_s=t), or a condition on the merge so far. (S6.6)
  fix    Write need='all', or leave it out.
""")
def test_need_with_another_word() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.fork(START, [a], join=END, need="any")


@says("""
[GF118] quorum(0) is no count
  where  here   quorum(0)
  why    count is a whole number of at least 1.
  fix    Write quorum(1).
""")
def test_a_quorum_of_nothing() -> None:
    quorum(0)


@says("""
[GF118] best_effort(within_s=0) is no number of seconds
  where  here   best_effort(at_least=1, within_s=0)
  why    within_s is a number above 0, in seconds.
  fix    Write best_effort(within_s=30).
""")
def test_a_best_effort_within_no_time() -> None:
    best_effort(at_least=1, within_s=0)


@says("""
[GF118] failures='ignore' is unknown
  where  here   graph.fork(START, [a], join=END, failures="ignore")
  why    failures is 'stop' or 'collect'.
  fix    Write failures='stop' or failures='collect'.
""")
def test_failures_with_another_word() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.fork(START, [a], join=END, failures="ignore")


@says("""
[GF118] state='global' is unknown
  where  here   graph.fork(START, [a], join=END, state="global")
  why    state is 'isolated' or 'shared'.
  fix    Write state='isolated' or state='shared'.
""")
def test_state_with_another_word() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.fork(START, [a], join=END, state="global")


@says("""
[GF123] over=draft is no list
  where  here   graph.map(START, a, over=essay.draft, join=END)
  why    It is str; a map starts one branch per item of a list. (S6.1)
  fix    Name a field that is a list, tuple or set, or give a function of the view that returns one.
""")
def test_a_map_over_a_text() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.map(START, a, over=essay.draft, join=END)


@says("""
[GF123] over='comments' says nothing about the state
  where  here   graph.map(START, a, over="comments", join=END)
  why    The items are read from the state when the map is entered: a list field, or a function of the view. (S6.1)
  fix    Write over=fields(Essay).comments.
""")
def test_a_map_over_a_name() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.map(START, a, over="comments", join=END)


@says("""
[GF123] over=prices is no list
  where  here   graph.map(START, a, over=essay.prices, join=END)
  why    It is dict[str, float]; a map starts one branch per item of a list. (S6.1)
  fix    Say whether keys, values or pairs are meant: over=lambda state: list(state.prices.items()).
""")
def test_a_map_over_a_dict() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.map(START, a, over=essay.prices, join=END)


@says("""
[GF123] over=tags is no list
  where  here   graph.map(START, a, over=essay.tags, join=END)
  why    It is list[str] | None; a map starts one branch per item of a list. (S6.1)
  fix    Give the field an empty list as default instead of None: no items is an empty list.
""")
def test_a_map_over_what_may_be_none() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.map(START, a, over=essay.tags, join=END)


@says("""
[GF123] over=['a'] says nothing about the state
  where  here   graph.map(START, a, over=["a"], join=END)
  why    The items are read from the state when the map is entered: a list field, or a function of the view. (S6.1)
  fix    Put the items into a field of the state and write over=fields(State).items, or over=lambda state: [...].
""")
def test_a_map_over_a_list_known_now() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.map(START, a, over=["a"], join=END)


@says("""
[GF123] over= gives dict[str, float]
  where  here   graph.map(START, a, over=price, join=END)
  why    It is dict[str, float]; a map starts one branch per item of a list. (S6.1)
  fix    Say whether keys, values or pairs are meant: over=lambda state: list(state.field.items()).
""")
def test_a_map_over_a_function_that_gives_a_dict() -> None:
    graph = essay_graph()
    a = graph.node(write)

    def price(state: Essay) -> dict[str, float]:
        return {}

    graph.map(START, a, over=price, join=END)


@says("""
[GF123] over=the lambda is no function of the view
  where  here   graph.map(START, a, over=lambda: [1], join=END)
  why    It is called with the view of the state, and the item if it takes two; it cannot wait. (S6.1)
  fix    Write over=lambda state: ...; what takes longer is a node.
""")
def test_a_map_over_a_function_of_nothing() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.map(START, a, over=lambda: [1], join=END)


@says("""
[GF109] n is about the fields of Other, but the state here is Essay
  where  here   graph.map(START, a, over=fields(Other).n, join=END)
  why    Conditions and writes of a graph name fields of its own state. (S1.1)
  fix    Use fields(Essay).
""")
def test_a_map_over_a_field_of_another_state() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.map(START, a, over=fields(Other).n, join=END)


@says("""
[GF101] Graph 'essay' has 1 error and was not run
  why    [GF132] Node 'look' takes an item of type int, but the map gives str
           where  here   graph.map(START, graph.node(look), over=essay.comments, join=END)
           why    The map goes over comments, and a branch is given one of its items. (S6.1)
           fix    Annotate it as item: str, or map over another field.
  fix    Mend these; `graph.check()` lists them without running anything.
""")
def test_an_item_of_another_type() -> None:
    graph = essay_graph()

    def look(state: Essay, item: int) -> None: ...

    graph.map(START, graph.node(look), over=essay.comments, join=END)
    graph.plan()
