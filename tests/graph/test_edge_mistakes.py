"""Mistakes in declaring edges, handoffs and switches, each with its full message (S4, S8.2, S9.1, S10.3)."""

from __future__ import annotations

from graphflow.core.plan import Limit
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, FAIL, START
from tests.graph.essays import Essay, essay, essay_graph, write
from tests.graph.snapshots import says


@says("""
[GF122] at_most='3' is no count of takings
  where  here   graph.edge(a, a, at_most="3")
  why    It is a whole number of at least 0, a Limit shared by several edges, or the word 'unbounded'. (S4.5)
  fix    Write at_most=3, or at_most='unbounded' if the conditions end the loop.
""")
def test_at_most_in_quotes() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, a, at_most="3")


@says("""
[GF122] at_most=-1 is no count of takings
  where  here   graph.edge(a, a, at_most=-1)
  why    It is a whole number of at least 0, a Limit shared by several edges, or the word 'unbounded'. (S4.5)
  fix    Write at_most=0, or at_most='unbounded' if the conditions end the loop.
""")
def test_at_most_below_zero() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, a, at_most=-1)


@says("""
[GF122] at_most=True is no count of takings
  where  here   graph.edge(a, a, at_most=True)
  why    It is a whole number of at least 0, a Limit shared by several edges, or the word 'unbounded'. (S4.5)
  fix    Write at_most=3, or at_most='unbounded' if the conditions end the loop.
""")
def test_at_most_true() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, a, at_most=True)


@says("""
[GF122] at_most=2.0 is no count of takings
  where  here   graph.edge(a, a, at_most=2.0)
  why    It is a whole number of at least 0, a Limit shared by several edges, or the word 'unbounded'. (S4.5)
  fix    Write at_most=2, or at_most='unbounded' if the conditions end the loop.
""")
def test_at_most_as_float() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, a, at_most=2.0)


@says("""
[GF122] at_most='unlimited' is no count of takings
  where  here   graph.edge(a, a, at_most="unlimited")
  why    It is a whole number of at least 0, a Limit shared by several edges, or the word 'unbounded'. (S4.5)
  fix    Did you mean at_most='unbounded'? Then the conditions alone end the loop.
""")
def test_at_most_with_another_word() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, a, at_most="unlimited")


@says("""
[GF122] at_most=Limit(-2) is no count of takings
  where  here   graph.edge(a, a, at_most=Limit(-2))
  why    It is a whole number of at least 0, a Limit shared by several edges, or the word 'unbounded'. (S4.5)
  fix    Write at_most=0, or at_most='unbounded' if the conditions end the loop.
""")
def test_a_limit_below_zero() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, a, at_most=Limit(-2))


@says("""
[GF105] The condition is the fixed value True
  where  here   graph.edge(a, a, when=True)
  why    It was worked out while the graph was declared and would be the same for every state. (S5.3)
  fix    Leave when= out for an edge that always matches.
""")
def test_a_real_bool() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, a, when=True)


@says("""
[GF121] An edge cannot start at END
  where  here   graph.edge(END, a)
  why    It is where a run ends; nothing comes after. (S1.1)
  fix    Start the edge at the last node before it.
""")
def test_an_edge_from_end() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(END, a)


@says("""
[GF121] An edge cannot start at FAIL('no')
  where  here   graph.edge(FAIL("no"), a)
  why    It is where a run ends; nothing comes after. (S1.1)
  fix    Start the edge at the last node before it.
""")
def test_an_edge_from_fail() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(FAIL("no"), a)


@says("""
[GF121] An edge cannot lead to START
  where  here   graph.edge(a, START)
  why    It is where a run begins, once. (S1.1)
  fix    Lead the edge to the first node instead, with at_most= if that makes a loop.
""")
def test_an_edge_into_start() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, START)


@says("""
[GF119] look is no node of graph 'essay'
  where  here   graph.edge(a, look)
  why    An edge leads from node to node: by the handle that graph.node gave back, or by name. (S1.1)
  fix    Did you forget graph.node(look)? Its result is the handle to use.
""")
def test_a_function_that_was_never_declared() -> None:
    graph = essay_graph()
    a = graph.node(write)

    def look(state: Essay) -> None: ...

    graph.edge(a, look)


@says("""
[GF119] write is what the node 'write' does, not the node
  where  here   graph.edge(START, write)
  why    An edge leads from node to node: by the handle that graph.node gave back, or by name. (S1.1)
  fix    Use the handle that graph.node(write) gave back, or the name 'write'.
""")
def test_a_function_instead_of_its_handle() -> None:
    graph = essay_graph()
    graph.node(write)
    graph.edge(START, write)


@says("""
[GF119] [<node 'write' of graph 'essay'>, <node 'write' of graph 'essay'>] is no node, but several
  where  here   graph.edge(START, [a, a])
  why    An edge leads from node to node: by the handle that graph.node gave back, or by name. (S1.1)
  fix    To run them side by side: graph.fork(source, [...], join=...). One after the other: graph.chain(...).
""")
def test_several_targets_on_an_edge() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(START, [a, a])


@says("""
[GF119] The text 'END' is no node
  where  here   graph.edge(a, "END")
  why    A text names a node of the graph; END is a name of its own. (S1.1)
  fix    Write END without quotes, from graphflow import END.
""")
def test_end_in_quotes() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, "END")


@says("""
[GF119] 'write' is a node of graph 'essay', not of 'other'
  where  here   other.edge(START, a)
         here   a = graph.node(write)
  why    An edge connects nodes of one graph. A whole graph is entered as a node: graph.node(other_graph). (S12.1)
  fix    Declare it here too: graph.node(write). One function or agent may be several nodes. (S1.4)
""")
def test_a_node_of_another_graph() -> None:
    graph = essay_graph()
    a = graph.node(write)
    other = Declaration("other", Essay)
    other.edge(START, a)


@says("""
[GF119] 'write' is a node of graph 'essay', not of 'other'
  where  here   other.edge(START, a)
         here   a = graph.node(write)
  why    An edge connects nodes of one graph. A whole graph is entered as a node: graph.node(other_graph). (S12.1)
  fix    Use this graph's own 'write', or rename one of them.
""")
def test_a_node_of_another_graph_that_has_one_of_that_name() -> None:
    graph = essay_graph()
    a = graph.node(write)
    other = Declaration("other", Essay)
    other.node(write)
    other.edge(START, a)


@says("""
[GF119] 3 is no node
  where  here   essay_graph().edge(START, 3)
  why    An edge leads from node to node: by the handle that graph.node gave back, or by name. (S1.1)
  fix    Give a handle, a name, START, END or FAIL.
""")
def test_a_number_as_target() -> None:
    essay_graph().edge(START, 3)


@says("""
[GF129] on_error='ModelError' names no class of errors
  where  here   graph.edge(a, END, on_error="ModelError")
  why    It takes an exception class, or a tuple of them. (S8.2)
  fix    Write on_error=ModelError, or Exception for any.
""")
def test_on_error_in_quotes() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, END, on_error="ModelError")


@says("""
[GF129] on_error=ValueError('x') names no class of errors
  where  here   graph.edge(a, END, on_error=ValueError("x"))
  why    An error edge is chosen by class, not by an instance. (S8.2)
  fix    Write on_error=ValueError.
""")
def test_on_error_with_an_instance() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, END, on_error=ValueError("x"))


@says("""
[GF129] on_error=<class 'KeyboardInterrupt'> names no class of errors
  where  here   graph.edge(a, END, on_error=KeyboardInterrupt)
  why    KeyboardInterrupt is no Exception: stopping and cancelling are never caught by a graph. (S8.4)
  fix    Name classes that derive from Exception.
""")
def test_on_error_with_what_is_never_caught() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, END, on_error=KeyboardInterrupt)


@says("""
[GF129] on_error=() names no error
  where  here   graph.edge(a, END, on_error=())
  why    An error edge is taken for errors of its classes. (S8.2)
  fix    Write on_error=ModelError, or Exception for any.
""")
def test_on_error_with_nothing() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, END, on_error=())


@says("""
[GF118] after_s=-1 is no number of seconds
  where  here   graph.edge(a, END, after_s=-1)
  why    after_s is a number above 0, in seconds.
  fix    Write after_s=30.
""")
def test_after_less_than_nothing() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, END, after_s=-1)


@says("""
[GF130] An edge has on_error= or after_s=, not both
  where  here   graph.edge(a, END, after_s=1, on_error=ValueError)
  why    One is taken when the node fails (S8.2), the other when it has not finished in time. (S10.3)
  fix    Write two edges.
""")
def test_on_error_and_after_s() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(a, END, after_s=1, on_error=ValueError)


@says("""
[GF130] An edge from START cannot have on_error=
  where  here   graph.edge(START, a, on_error=ValueError)
  why    START does nothing: it neither fails nor takes time. (S1.1)
  fix    Leave on_error= out, or start the edge at a node.
""")
def test_an_error_edge_from_start() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.edge(START, a, on_error=ValueError)


@says("""
[GF127] A handoff needs a description
  where  here   graph.handoff(a, END, " ")
  why    It is what an agent is told to choose by. (S9.1)
  fix    Say when to choose it: graph.handoff(router, billing, "Invoices and payments").
""")
def test_a_handoff_without_description() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.handoff(a, END, " ")


@says("""
[GF130] START cannot hand off
  where  here   graph.handoff(START, a, "go")
  why    A handoff is chosen by the node itself; START does nothing. (S9.1)
  fix    Use an edge with a condition: graph.edge(START, ..., when=...).
""")
def test_a_handoff_from_start() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.handoff(START, a, "go")


@says("""
[GF130] 'p' cannot hand off
  where  here   graph.handoff(p, a, "go")
  why    A handoff is chosen by the node itself, an agent or a function; 'p' is a point. (S9.1)
  fix    Use an edge with a condition: graph.edge('p', ..., when=...).
""")
def test_a_handoff_from_a_point() -> None:
    graph = essay_graph()
    a = graph.node(write)
    p = graph.point("p")
    graph.handoff(p, a, "go")


@says("""
[GF127] The handoff has writes=, but takes no data
  where  here   graph.handoff(a, END, "go", writes=essay.draft)
  why    writes= says where the data goes that takes= describes. (S9.1)
  fix    Add takes= with the type of the data, or leave writes= out.
""")
def test_a_handoff_that_writes_nothing_it_takes() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.handoff(a, END, "go", writes=essay.draft)


@says("""
[GF127] takes='Ticket' is no type
  where  here   graph.handoff(a, END, "go", takes="Ticket")
  why    The data of a handoff is validated, and offered to agents as a schema. (S9.1)
  fix    Give a pydantic model: takes=Ticket.
""")
def test_a_handoff_that_takes_a_text() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.handoff(a, END, "go", takes="Ticket")


@says("""
[GF116] The handoff carries str, but not into which field it goes
  where  here   graph.handoff(a, END, "go", takes=str)
  why    A node returns the fields that change; a bare value needs to be told its field. (S3.1)
  fix    Write writes=fields(Essay).draft.
""")
def test_a_handoff_whose_data_goes_nowhere() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.handoff(a, END, "go", takes=str)


@says("""
[GF106] kind == "wbe" compares what can never match
  where  here   graph.switch(a, essay.kind, {"wbe": END}, otherwise=END)
  why    kind is a Literal['web', 'code'], and no value of that type equals "wbe". (S5.2)
  fix    Did you mean "web"?
""")
def test_a_misspelt_case() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.switch(a, essay.kind, {"wbe": END}, otherwise=END)


@says("""
[GF124] 'kind' is no field to switch on
  where  here   graph.switch(a, "kind", {"web": END})
  why    A switch is one edge per value of a field. (S4.6)
  fix    Write graph.switch(source, fields(State).kind, {...}).
""")
def test_a_switch_on_a_name() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.switch(a, "kind", {"web": END})


@says("""
[GF124] switch on kind was given {}, which is no dict of values and targets
  where  here   graph.switch(a, essay.kind, {})
  why    A switch is one edge per value of a field. (S4.6)
  fix    Write {"web": search, "code": program}.
""")
def test_a_switch_without_cases() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.switch(a, essay.kind, {})


@says("""
[GF124] switch on kind was given [END], which is no dict of values and targets
  where  here   graph.switch(a, essay.kind, [END])
  why    A switch is one edge per value of a field. (S4.6)
  fix    Write {"web": search, "code": program}.
""")
def test_a_switch_with_a_list() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.switch(a, essay.kind, [END])


@says("""
[GF119] A chain of one leads nowhere
  where  here   essay_graph().chain(START)
  why    It is edges from each to the next. (S4.6)
  fix    Write graph.chain(START, plan, write, END).
""")
def test_a_chain_of_one() -> None:
    essay_graph().chain(START)


@says("""
[GF101] Graph 'essay' has 4 errors and was not run
  why    [GF120] There is no node 'wirte'
           where  here   graph.edge(START, "wirte")
           why    The nodes of graph 'essay' are 'write'. (S1.1)
           fix    Did you mean 'write'?
         [GF120] There is no node 'wirte'
           where  here   graph.edge("wirte", "xyz")
           why    The nodes of graph 'essay' are 'write'. (S1.1)
           fix    Did you mean 'write'?
         [GF120] There is no node 'xyz'
           where  here   graph.edge("wirte", "xyz")
           why    The nodes of graph 'essay' are 'write'. (S1.1)
           fix    Known are: write.
         [GF120] There is no node 'wrte'
           where  here   graph.on_budget("wrte")
           why    The nodes of graph 'essay' are 'write'. (S1.1)
           fix    Did you mean 'write'?
  fix    Mend these; `graph.check()` lists them without running anything.
""")
def test_every_misspelt_name_at_once() -> None:
    graph = essay_graph()
    graph.node(write)
    graph.edge(START, "wirte")
    graph.edge("wirte", "xyz")
    graph.on_budget("wrte")
    graph.plan()


@says("""
[GF101] Graph 'essay' has 1 error and was not run
  why    [GF130] 'gather' cannot hand off
           where  here   graph.handoff("gather", a, "go")
                  here   graph.point("gather")
           why    A handoff is chosen by the node itself, an agent or a function; 'gather' is a point. (S9.1)
           fix    Use an edge with a condition: graph.edge('gather', ..., when=...).
  fix    Mend these; `graph.check()` lists them without running anything.
""")
def test_a_handoff_from_a_point_named_before() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.handoff("gather", a, "go")
    graph.point("gather")
    graph.plan()
