"""Mistakes in what a node's function takes and gives back, each with its full message (S3.1, S3.5)."""

from __future__ import annotations

from typing import Any

from graphflow.core.view import view_of
from graphflow.graph.context import Context
from graphflow.graph.expressions import fields
from tests.graph.essays import Essay, Foreign, Misspelt, Other, Review, Scores, essay, essay_graph, write
from tests.graph.snapshots import says


@says("""
[GF114] Node 'look' takes a parameter 'client' that nothing is given for
  where  here   essay_graph().node(look)
  why    A node is given a view of its Essay first, then `item` and a Context if it takes them. (S3.1)
  fix    Name it item if it is a map's item, annotate it with Context, or give it a default. What a node needs besides state comes as deps: graph.run(state, deps=...), read as ctx.deps. (S3.8)
""")
def test_an_unknown_parameter() -> None:
    def look(state: Essay, client: object) -> None: ...

    essay_graph().node(look)


@says("""
[GF114] Node 'look' takes a parameter 'topic' that nothing is given for
  where  here   essay_graph().node(look)
  why    A node is given a view of its Essay first, then `item` and a Context if it takes them. (S3.1)
  fix    Read it from the view: def look(state: Essay), then state.topic.
""")
def test_a_field_as_first_parameter() -> None:
    def look(topic: str) -> None: ...

    essay_graph().node(look)


@says("""
[GF114] Node 'look' takes a parameter 'topic' that nothing is given for
  where  here   essay_graph().node(look)
  why    A node is given a view of its Essay first, then `item` and a Context if it takes them. (S3.1)
  fix    Read it from the view: def look(state: Essay), then state.topic.
""")
def test_a_field_as_second_parameter() -> None:
    def look(state: Essay, topic: str) -> None: ...

    essay_graph().node(look)


@says("""
[GF114] Node 'run' takes a parameter 'self' that nothing is given for
  where  here   essay_graph().node(A.run)
  why    A node is given a view of its Essay first, then `item` and a Context if it takes them. (S3.1)
  fix    It is a method without its object: declare graph.node(object.method).
""")
def test_a_method_without_its_object() -> None:
    class A:
        def run(self, state: Essay) -> None: ...

    essay_graph().node(A.run)


@says("""
[GF114] Node 'look' takes a parameter 'context' that nothing is given for
  where  here   essay_graph().node(look)
  why    A node is given a view of its Essay first, then `item` and a Context if it takes them. (S3.1)
  fix    Annotate it with Context: context: Context.
""")
def test_a_context_without_annotation() -> None:
    def look(state: Essay, context) -> None: ...

    essay_graph().node(look)


@says("""
[GF114] Node 'look' takes a parameter 'b' that nothing is given for
  where  here   essay_graph().node(look)
  why    A node is given a view of its Essay first, then `item` and a Context if it takes them. (S3.1)
  fix    One Context is enough.
""")
def test_two_contexts() -> None:
    def look(state: Essay, a: Context, b: Context) -> None: ...

    essay_graph().node(look)


@says("""
[GF114] The parameters of node 'look' cannot be read
  where  here   essay_graph().node(look)
  why    It takes *args: 'Any', **kw: 'Any', which does not say what it needs. A node is given its view, its item and its context by its signature. (S3.1)
  fix    Wrap it: def node(state: State) -> ...: return it(state.field). A decorator keeps a signature with functools.wraps.
""")
def test_parameters_hidden_by_a_decorator() -> None:
    def look(*args: Any, **kw: Any) -> None: ...

    essay_graph().node(look)


@says("""
[GF116] Node 'look' returns str, but not into which field it goes
  where  here   essay_graph().node(look)
  why    A node returns the fields that change; a bare value needs to be told its field. (S3.1)
  fix    Write writes=fields(Essay).draft.
""")
def test_a_value_that_goes_nowhere() -> None:
    def look(state: Essay) -> str:
        return ""

    essay_graph().node(look)


@says("""
[GF116] Node 'look' returns str, but not into which field it goes
  where  here   essay_graph().node(look, reads=(essay.draft, essay.topic))
  why    A node returns the fields that change; a bare value needs to be told its field. (S3.1)
  fix    Write writes=fields(Essay).comments.
""")
def test_what_a_node_reads_is_not_suggested_for_its_result() -> None:
    def look(state: Essay) -> str:
        return ""

    essay_graph().node(look, reads=(essay.draft, essay.topic))


@says("""
[GF116] Node 'look' returns bytes, but not into which field it goes
  where  here   essay_graph().node(look)
  why    A node returns the fields that change; a bare value needs to be told its field. (S3.1)
  fix    No other field of Essay takes bytes: add a field to the state, and name it in writes=.
""")
def test_a_value_that_no_field_takes() -> None:
    def look(state: Essay) -> bytes:
        return b""

    essay_graph().node(look)


@says("""
[GF116] Node 'look' returns a whole Essay
  where  here   essay_graph().node(look)
  why    A node returns the fields that change; a whole state would overwrite what others wrote. (S3.6)
  fix    Say which field it writes, writes=fields(Essay).topic, and return its value.
""")
def test_a_whole_state_returned() -> None:
    def look(state: Essay) -> Essay:
        return state

    essay_graph().node(look)


@says("""
[GF116] Node 'look' returns Misspelt, whose 'scoer' Essay does not have
  where  here   essay_graph().node(look)
  why    Without writes= a result is written field by field. The fields of Essay are topic, draft, score, kind, comments, prices, tags, approved. (S3.1)
  fix    Did you mean writes={"score": "scoer", "comments": "comments"}? ('scoer' is called 'score' there)
""")
def test_a_model_with_a_misspelt_field() -> None:
    def look(state: Essay) -> Misspelt: ...

    essay_graph().node(look)


@says("""
[GF116] Node 'look' returns Scores, whose 'scores' Essay does not have
  where  here   essay_graph().node(look)
  why    Without writes= a result is written field by field. The fields of Essay are topic, draft, score, kind, comments, prices, tags, approved. (S3.1)
  fix    Did you mean writes={"score": "scores"}? ('scores' is called 'score' there)
""")
def test_a_typed_dict_with_a_misspelt_field() -> None:
    def look(state: Essay) -> Scores: ...

    essay_graph().node(look)


@says("""
[GF116] Node 'look' returns Foreign, whose 'abc' Essay does not have
  where  here   essay_graph().node(look)
  why    Without writes= a result is written field by field. The fields of Essay are topic, draft, score, kind, comments, prices, tags, approved. (S3.1)
  fix    Give Essay these fields, or say what goes where: writes={...: 'abc'}.
""")
def test_a_model_with_fields_of_its_own() -> None:
    def look(state: Essay) -> Foreign: ...

    essay_graph().node(look)


@says("""
[GF116] writes= takes 'coments' for 'comments', which the result does not have
  where  here   essay_graph().node(look, writes={"comments": "coments"})
  why    Node 'look' returns Review, with score, comments in it. (S3.1)
  fix    Did you mean 'comments'?
""")
def test_a_mapping_from_a_misspelt_name() -> None:
    def look(state: Essay) -> Review: ...

    essay_graph().node(look, writes={"comments": "coments"})


@says("""
[GF117] writes={'comments': 3} says nothing about the result
  where  here   essay_graph().node(look, writes={"comments": 3})
  why    A mapping reads: state field = what it takes, a name in the result or a function of the result. (S3.1)
  fix    Write writes={"comments": "..."}.
""")
def test_a_mapping_from_a_number() -> None:
    def look(state: Essay) -> Review: ...

    essay_graph().node(look, writes={"comments": 3})


@says("""
[GF117] writes='drafft' names no field of Essay
  where  here   essay_graph().node(write, writes="drafft")
  why    Its fields are topic, draft, score, kind, comments, prices, tags, approved. (S3.3)
  fix    Did you mean 'draft'?
""")
def test_a_misspelt_name_in_writes() -> None:
    essay_graph().node(write, writes="drafft")


@says("""
[GF117] writes=[<expression draft>, <expression score>] names no field
  where  here   essay_graph().node(write, writes=[essay.draft, essay.score])
  why    writes takes a field of fields(Essay), or a tuple of them. (S3.5)
  fix    Write a tuple: writes=(draft, score).
""")
def test_a_list_of_fields() -> None:
    essay_graph().node(write, writes=[essay.draft, essay.score])


@says("""
[GF117] writes=<fields of Essay> names no field
  where  here   essay_graph().node(write, writes=essay)
  why    writes takes a field of fields(Essay), or a tuple of them. (S3.5)
  fix    Name one of its fields: writes=fields(Essay).topic.
""")
def test_all_fields_at_once() -> None:
    essay_graph().node(write, writes=essay)


@says("""
[GF117] writes=3 names no field
  where  here   essay_graph().node(write, writes=3)
  why    writes takes a field of fields(Essay), or a tuple of them. (S3.5)
  fix    Write writes=fields(Essay).topic.
""")
def test_a_number_in_writes() -> None:
    essay_graph().node(write, writes=3)


@says("""
[GF117] writes names 'draft' twice
  where  here   essay_graph().node(write, writes=(essay.draft, essay.draft))
  why    One update gives a field one change. (S3.1)
  fix    Name every field once in writes.
""")
def test_one_field_twice() -> None:
    essay_graph().node(write, writes=(essay.draft, essay.draft))


@says("""
[GF109] subject is about the fields of Other, but the state here is Essay
  where  here   essay_graph().node(write, writes=fields(Other).subject)
  why    Conditions and writes of a graph name fields of its own state. (S1.1)
  fix    Use fields(Essay).
""")
def test_a_field_of_another_state() -> None:
    essay_graph().node(write, writes=fields(Other).subject)


@says("""
[GF109] score >= 3 is no field of the state
  where  here   essay_graph().node(write, writes=essay.score >= 3)
  why    Here the name of a field is needed: an attribute of fields(State). (S3.1)
  fix    Write fields(State).draft.
""")
def test_a_condition_in_writes() -> None:
    essay_graph().node(write, writes=essay.score >= 3)


@says("""
[GF117] reads='scrore' names no field of Essay
  where  here   essay_graph().node(write, reads=("topic", "scrore"))
  why    Its fields are topic, draft, score, kind, comments, prices, tags, approved. (S3.3)
  fix    Did you mean 'score'?
""")
def test_a_misspelt_name_in_reads() -> None:
    essay_graph().node(write, reads=("topic", "scrore"))


@says("""
[GF131] Node 'look' returns 3 values for the 2 fields of its writes=
  where  here   essay_graph().node(look, writes=(essay.draft, essay.score))
  why    It returns tuple[str, int, int]; writes= names draft, score: one value each, in order. (S3.1)
  fix    Name as many fields as there are values.
""")
def test_more_values_than_fields() -> None:
    def look(state: Essay) -> tuple[str, int, int]: ...

    essay_graph().node(look, writes=(essay.draft, essay.score))


@says("""
[GF131] Node 'look' returns str, but writes= names a tuple of fields
  where  here   essay_graph().node(look, writes=(essay.draft,))
  why    With a tuple of fields it returns a tuple of values, one each. (S3.1)
  fix    Return (draft,), or name one field without a tuple.
""")
def test_a_value_for_a_tuple_of_fields() -> None:
    def look(state: Essay) -> str: ...

    essay_graph().node(look, writes=(essay.draft,))


@says("""
[GF131] Node 'look' returns int, which 'draft' does not take
  where  here   essay_graph().node(look, writes=essay.draft)
  why    writes= makes the result the value of draft. draft takes str. (S3.1, S7.2)
  fix    Return str, or name another field.
""")
def test_a_number_for_a_text() -> None:
    def look(state: Essay) -> int: ...

    essay_graph().node(look, writes=essay.draft)


@says("""
[GF131] Node 'look' returns list[str], which 'comments' does not take
  where  here   essay_graph().node(look, writes=essay.comments)
  why    writes= makes the result the value of comments. The reducer append takes str. (S3.1, S7.2)
  fix    To add several at once declare comments with extend instead of append.
""")
def test_a_list_for_append() -> None:
    def look(state: Essay) -> list[str]: ...

    essay_graph().node(look, writes=essay.comments)


@says("""
[GF131] Node 'write' returns None, which 'draft' does not take
  where  here   essay_graph().node(write, writes=essay.draft)
  why    writes= makes the result the value of draft. draft takes str. (S3.1, S7.2)
  fix    Return a value for draft, or leave writes= out if the node writes nothing.
""")
def test_nothing_for_a_text() -> None:
    essay_graph().node(write, writes=essay.draft)


@says("""
[GF131] Node 'look' returns Review, which 'draft' does not take
  where  here   essay_graph().node(look, writes=essay.draft)
  why    writes= makes the result the value of draft. draft takes str. (S3.1, S7.2)
  fix    Take what belongs there from it: writes={"draft": "..."}, or leave writes= out to write field by field.
""")
def test_a_model_for_a_text() -> None:
    def look(state: Essay) -> Review: ...

    essay_graph().node(look, writes=essay.draft)


@says("""
[GF103] kind == "web" has no value inside a function of the state
  where  here   if essay.kind == "web":
  why    fields(Essay) stands for the fields of any state; the values of this one are in state. (S3.1)
  fix    Inside a node use its state: state.kind
""")
def test_a_condition_on_fields_inside_a_node() -> None:
    @essay_graph().node(writes=essay.draft)
    def look(state: Essay) -> str:
        if essay.kind == "web":
            return "web"
        return ""

    look(Essay(topic="owls"))


@says("""
[GF104] draft has no value inside a function of the state
  where  here   return [one for one in range(9) if len(essay.draft) > one]
  why    fields(Essay) stands for the fields of any state; the values of this one are in seen. (S3.1)
  fix    Inside a node use its state: seen.draft
""")
def test_the_length_of_a_field_inside_a_node() -> None:
    @essay_graph().node(writes=essay.tags)
    def look(seen: Essay) -> list[int]:
        return [one for one in range(9) if len(essay.draft) > one]

    look(view_of(Essay, Essay(topic="owls").__dict__))
