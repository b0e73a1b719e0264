"""Mistakes in declaring nodes, graphs as nodes and questions, each with its full message (S1.4, S10.1, S12.1)."""

from __future__ import annotations

from collections.abc import Iterator

from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END
from tests.graph.essays import Essay, Other, Review, essay, essay_graph, write
from tests.graph.snapshots import says


@says("""
[GF113] There are two nodes called 'write' in graph 'essay'
  where  here   graph.node(write)
         here   graph.node(write)
  why    A node's name is unique: paths and journals know it by that. (S1.4)
  fix    Give the second one a name of its own: name="write again".
""")
def test_two_nodes_of_one_name() -> None:
    graph = essay_graph()
    graph.node(write)
    graph.node(write)


@says("""
[GF113] A node cannot be called 'END'
  where  here   essay_graph().node(write, name="END")
  why    START, END, FAIL are where every run begins and ends. (S1.1)
  fix    Choose another name=.
""")
def test_a_node_called_end() -> None:
    essay_graph().node(write, name="END")


@says("""
[GF113] ' ' cannot be the name of a node
  where  here   essay_graph().node(write, name=" ")
  why    A name is printable text: it stands in paths, drawings and journals. (S1.4)
  fix    Write name="review".
""")
def test_an_empty_name() -> None:
    essay_graph().node(write, name=" ")


@says("""
[GF113] A lambda has no name of its own
  where  here   essay_graph().node(lambda state: None)
  why    A node is known by its name. (S1.4)
  fix    Give it one: graph.node(..., name="review").
""")
def test_a_lambda_without_a_name() -> None:
    essay_graph().node(lambda state: None)


@says("""
[GF115] The class Review is no node
  where  here   essay_graph().node(Review)
  why    A node is a function, an agent or another graph. (S1.4)
  fix    Give an object of it: graph.node(Review(...)).
""")
def test_a_class_as_node() -> None:
    essay_graph().node(Review)


@says("""
[GF115] A state is no node
  where  here   essay_graph().node(Essay(topic="a"))
  why    A node is a function, an agent or another graph. (S1.4)
  fix    Start a run with it: graph.run(state).
""")
def test_a_state_as_node() -> None:
    essay_graph().node(Essay(topic="a"))


@says("""
[GF115] look(...) was called instead of declared
  where  here   essay_graph().node(look(Essay(topic="a")))
  why    A node is a function, an agent or another graph. (S1.4)
  fix    Write graph.node(look).
""")
def test_a_function_that_was_called() -> None:
    async def look(state: Essay) -> None: ...

    essay_graph().node(look(Essay(topic="a")))


@says("""
[GF115] None is no node
  where  here   essay_graph().node(None)
  why    A node is a function, an agent or another graph. (S1.4)
  fix    Give a function, an agent or another graph.
""")
def test_none_as_node() -> None:
    essay_graph().node(None)


@says("""
[GF115] The text 'write' is no node
  where  here   essay_graph().node("write")
  why    A node is a function, an agent or another graph. (S1.4)
  fix    Write graph.node(function, name='write').
""")
def test_a_text_as_node() -> None:
    essay_graph().node("write")


@says("""
[GF115] <expression draft> is no node
  where  here   essay_graph().node(essay.draft)
  why    A node is a function, an agent or another graph. (S1.4)
  fix    Name fields in reads= and writes=, and give the function itself.
""")
def test_a_field_as_node() -> None:
    essay_graph().node(essay.draft)


@says("""
[GF115] Node 'look' is a generator function
  where  here   essay_graph().node(look)
  why    A node is called once and returns one update; what it yields would go nowhere. (S3.1)
  fix    Return the update. To show text as it comes, use ctx.emit(text).
""")
def test_a_generator_function() -> None:
    def look(state: Essay) -> Iterator[str]:
        yield "a"

    essay_graph().node(look)


@says("""
[GF118] retry=3 is no Retry
  where  here   essay_graph().node(write, retry=3)
  why    How often, after which waits and on which errors is one object: a count alone would retry what cannot succeed. (S8.1)
  fix    Write retry=Retry(attempts=3), or with on= the classes worth another try.
""")
def test_retry_as_a_count() -> None:
    essay_graph().node(write, retry=3)


@says("""
[GF118] timeout_s='30' is no number of seconds
  where  here   essay_graph().node(write, timeout_s="30")
  why    timeout_s is a number above 0, in seconds.
  fix    Write timeout_s=30.
""")
def test_a_timeout_in_quotes() -> None:
    essay_graph().node(write, timeout_s="30")


@says("""
[GF118] timeout_s=0 is no number of seconds
  where  here   essay_graph().node(write, timeout_s=0)
  why    timeout_s is a number above 0, in seconds.
  fix    Write timeout_s=30.
""")
def test_a_timeout_of_nothing() -> None:
    essay_graph().node(write, timeout_s=0)


@says("""
[GF118] at_once=0 is no count
  where  here   essay_graph().node(write, at_once=0)
  why    at_once is a whole number of at least 1.
  fix    Write at_once=1.
""")
def test_at_once_of_nothing() -> None:
    essay_graph().node(write, at_once=0)


@says("""
[GF118] at_once=True is no count
  where  here   essay_graph().node(write, at_once=True)
  why    at_once is a whole number of at least 1.
  fix    Write at_once=1.
""")
def test_at_once_true() -> None:
    essay_graph().node(write, at_once=True)


@says("""
[GF118] Node 'look' is async, and blocking=True
  where  here   essay_graph().node(look, blocking=True)
  why    blocking=True runs a plain function in a thread; an async one waits without blocking. (S3.1)
  fix    Leave blocking=True out, or write def instead of async def.
""")
def test_blocking_and_async() -> None:
    async def look(state: Essay) -> None: ...

    essay_graph().node(look, blocking=True)


@says("""
[GF118] blocking='yes' is neither True nor False
  where  here   essay_graph().node(write, blocking="yes")
  why    blocking is a bool.
  fix    Write blocking=True.
""")
def test_blocking_in_quotes() -> None:
    essay_graph().node(write, blocking="yes")


@says("""
[GF118] graph.node has no option 'write'
  where  here   essay_graph().node(write, write=essay.draft)
  why    Its options are name, reads, writes, updates, retry, timeout_s, at_once, blocking, purpose, guardrails, role.
  fix    Did you mean 'writes'?
""")
def test_an_unknown_option() -> None:
    essay_graph().node(write, write=essay.draft)


@says("""
[GF118] purpose=3 is no text
  where  here   essay_graph().node(write, purpose=3)
  why    purpose is a string.
  fix    Write purpose="...".
""")
def test_a_purpose_that_is_no_text() -> None:
    essay_graph().node(write, purpose=3)


@says("""
[GF125] Graph 'other' has a state of its own, Other, and is not told how it meets Essay
  where  here   essay_graph().node(Declaration("other", Other))
  why    With a state of its own reads= says what it is given and writes= what it hands over. (S12.1)
  fix    Write reads={"subject": outer.topic}, writes={"draft": "result"}, with outer = fields(Essay). Keys of reads= are its own fields, keys of writes= the outer ones.
""")
def test_a_graph_with_another_state() -> None:
    essay_graph().node(Declaration("other", Other))


@says("""
[GF125] reads=<expression topic> of graph 'other' is no mapping
  where  here   essay_graph().node(Declaration("other", Other), reads=essay.topic, writes=essay.draft)
  why    For a graph both map fields: reads={its field: outer field}, writes={outer field: its field}. (S12.1)
  fix    Write reads={"subject": outer.topic}, writes={"draft": "result"}, with outer = fields(Essay). Keys of reads= are its own fields, keys of writes= the outer ones.
""")
def test_a_graph_with_fields_instead_of_a_mapping() -> None:
    essay_graph().node(Declaration("other", Other), reads=essay.topic, writes=essay.draft)


@says("""
[GF125] Graph 'other' is not given 'subject'
  where  here   essay_graph().node(Declaration("other", Other), reads={"result": essay.topic}, writes={"draft": "result"})
  why    Other has no default for it. (S12.1)
  fix    Write reads={"result": outer.topic, "subject": outer.topic}, writes={"draft": "result"}, with outer = fields(Essay).
""")
def test_a_graph_that_is_not_given_what_it_needs() -> None:
    essay_graph().node(Declaration("other", Other), reads={"result": essay.topic}, writes={"draft": "result"})


@says("""
[GF125] The keys of reads= are fields of Essay, and its values of Other: swapped?
  where  here   essay_graph().node(Declaration("other", Other), reads={"topic": "subject"}, writes={"draft": "result"})
  why    It is reads={its field: outer field}. (S12.1)
  fix    Write reads={"subject": "topic"}.
""")
def test_a_graph_given_its_fields_the_wrong_way_round() -> None:
    essay_graph().node(Declaration("other", Other), reads={"topic": "subject"}, writes={"draft": "result"})


@says("""
[GF125] The keys of writes= are fields of Other, and its values of Essay: swapped?
  where  here   essay_graph().node(Declaration("other", Other), reads={"subject": essay.topic}, writes={"result": essay.draft})
  why    It is writes={outer field: its field}. (S12.1)
  fix    Write writes={"draft": "result"}.
""")
def test_a_graph_handing_over_the_wrong_way_round() -> None:
    essay_graph().node(Declaration("other", Other), reads={"subject": essay.topic}, writes={"result": essay.draft})


@says("""
[GF107] draft cannot be a key of a dict or an element of a set
  where  here   essay_graph().node(Declaration("other", Other), reads={}, writes={essay.draft: "result"})
  why    An expression has no value while the graph is declared, and == between two makes a condition. (S5.2)
  fix    Keys are names, as texts: {'draft': 'result'}
""")
def test_a_field_as_key_of_a_mapping() -> None:
    essay_graph().node(Declaration("other", Other), reads={}, writes={essay.draft: "result"})


@says("""
[GF117] reads='subjct' names no field of Other
  where  here   essay_graph().node(Declaration("other", Other), reads={"subjct": essay.topic}, writes={"draft": "result"})
  why    Its fields are subject, result, n. (S3.3)
  fix    Did you mean 'subject'?
""")
def test_a_graph_given_an_unknown_field() -> None:
    essay_graph().node(Declaration("other", Other), reads={"subjct": essay.topic}, writes={"draft": "result"})


@says("""
[GF117] writes='reslt' names no field of Other
  where  here   essay_graph().node(Declaration("other", Other), reads={"subject": essay.topic}, writes={"draft": "reslt"})
  why    Its fields are subject, result, n. (S3.3)
  fix    Did you mean 'result'?
""")
def test_a_graph_handing_over_an_unknown_field() -> None:
    essay_graph().node(Declaration("other", Other), reads={"subject": essay.topic}, writes={"draft": "reslt"})


@says("""
[GF125] In graph node 'other' 'comments' gives list[str], but 'subject' takes str
  where  here   essay_graph().node(Declaration("other", Other), reads={"subject": essay.comments}, writes={"draft": "result"})
  why    What comes back are the graph's own updates, folded again by the outer field's reducer. (S12.1)
  fix    Map fields of one type, with the same reducer or none.
""")
def test_a_graph_given_another_type() -> None:
    essay_graph().node(Declaration("other", Other), reads={"subject": essay.comments}, writes={"draft": "result"})


@says("""
[GF125] In graph node 'other' 'n' gives list[int], but 'comments' takes str
  where  here   essay_graph().node(Declaration("other", Other), reads={"subject": essay.topic}, writes={"comments": "n"})
  why    What comes back are the graph's own updates, folded again by the outer field's reducer. (S12.1)
  fix    Map fields of one type, with the same reducer or none.
""")
def test_a_graph_handing_over_another_type() -> None:
    essay_graph().node(Declaration("other", Other), reads={"subject": essay.topic}, writes={"comments": "n"})


@says("""
[GF118] blocking=True says nothing of the graph 'other'
  where  here   essay_graph().node(Declaration("other", Essay), blocking=True)
  why    blocking=True runs a plain function in a thread. (S3.1)
  fix    Leave blocking= out.
""")
def test_a_blocking_graph() -> None:
    essay_graph().node(Declaration("other", Essay), blocking=True)


@says("""
[GF125] updates= says nothing of a graph
  where  here   essay_graph().node(Declaration("other", Essay), updates=essay.draft)
  why    It is for nodes that call ctx.update. (S3.7)
  fix    Leave it out: writes= says what the graph hands over.
""")
def test_a_graph_with_updates() -> None:
    essay_graph().node(Declaration("other", Essay), updates=essay.draft)


@says("""
[GF126] The question names 'replly', which Essay does not have
  where  here   essay_graph().ask("ok", "Send {replly}?", answer=bool, writes=essay.approved)
  why    Its fields are topic, draft, score, kind, comments, prices, tags, approved. Braces that are meant as such are doubled: {{ }}. (S10.1)
  fix    Known are: approved, comments, draft, kind, prices, score, tags, topic.
""")
def test_a_question_naming_an_unknown_field() -> None:
    essay_graph().ask("ok", "Send {replly}?", answer=bool, writes=essay.approved)


@says("""
[GF116] The question 'ok' is answered with bool, but not into which field it goes
  where  here   essay_graph().ask("ok", "Send {draft}?", answer=bool)
  why    A node returns the fields that change; a bare value needs to be told its field. (S3.1)
  fix    Write writes=fields(Essay).approved.
""")
def test_a_question_whose_answer_goes_nowhere() -> None:
    essay_graph().ask("ok", "Send {draft}?", answer=bool)


@says("""
[GF126] answer=3 is no type
  where  here   essay_graph().ask("ok", "Send {draft}?", answer=3, writes=essay.approved)
  why    An answer is validated before it counts. (S10.1)
  fix    Give the type of a valid answer: answer=bool, answer=Literal['yes', 'no'], or a pydantic model.
""")
def test_an_answer_that_is_no_type() -> None:
    essay_graph().ask("ok", "Send {draft}?", answer=3, writes=essay.approved)


@says("""
[GF126] 3 is no question
  where  here   essay_graph().ask("ok", 3, answer=bool, writes=essay.approved)
  why    A question is a text with {fields} of the state in it, or a function of the view. (S10.1)
  fix    Write graph.ask("approve", "Send this?\\n\\n{reply}", answer=bool, writes=...).
""")
def test_a_question_that_is_none() -> None:
    essay_graph().ask("ok", 3, answer=bool, writes=essay.approved)


@says("""
[GF126] The question is empty
  where  here   essay_graph().ask("ok", "", answer=bool, writes=essay.approved)
  why    Somebody has to know what is asked. (S10.1)
  fix    Write what to ask: "Send this?\\n\\n{reply}".
""")
def test_an_empty_question() -> None:
    essay_graph().ask("ok", "", answer=bool, writes=essay.approved)


@says("""
[GF131] The question 'ok' is answered with bool, which 'draft' does not take
  where  here   essay_graph().ask("ok", "Send?", answer=bool, writes=essay.draft)
  why    writes= makes the result the value of draft. draft takes str. (S3.1, S7.2)
  fix    Return str, or name another field.
""")
def test_an_answer_that_does_not_fit_its_field() -> None:
    essay_graph().ask("ok", "Send?", answer=bool, writes=essay.draft)


@says("""
[GF420] A single '{' in a prompt, at character 6
  where  here   essay_graph().ask("ok", "Send {?", answer=bool, writes=essay.approved)
  why    A prompt names fields of the state in braces, {topic}, {review.score}, {draft:2000}. (S3.5)
  fix    Write {{ for a brace, or {field} for a field.
""")
def test_a_question_with_a_single_brace() -> None:
    essay_graph().ask("ok", "Send {?", answer=bool, writes=essay.approved)


@says("""
[GF134] END cannot wrap up
  where  here   essay_graph().on_budget(END)
  why    on_budget names a node that still does something. (S13.2)
  fix    Name a node; without one the run ends `exhausted`, and can be resumed.
""")
def test_a_wrap_up_at_end() -> None:
    essay_graph().on_budget(END)


@says("""
[GF134] Graph 'essay' has two nodes for when the budget is used up
  where  here   graph.on_budget(a)
         here   graph.on_budget(a)
  why    One cursor goes to one node. (S13.2)
  fix    Keep one.
""")
def test_two_wrap_ups() -> None:
    graph = essay_graph()
    a = graph.node(write)
    graph.on_budget(a)
    graph.on_budget(a)
