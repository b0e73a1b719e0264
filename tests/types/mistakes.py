# pyright: strict
"""Typical mistakes, and what catches each: a table that test_mistakes.py holds mypy, pyright and graphflow to.

Each function makes one mistake, on the line with a mark. ``editor``: mypy and pyright both underline it. ``line GF118``:
running that line raises this code. ``check GF120``: the line passes, and ``check`` of the returned graph finds it.
Lines without a mark are right, and underlined by neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel

from graphflow.core.plan import Limit, Limits, Retry
from graphflow.core.reducers import append
from graphflow.errors import ModelError
from graphflow.graph.context import Context
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.expressions import contains, fields, not_, size
from graphflow.graph.guardrails import Guardrail
from graphflow.graph.handles import NodeHandle
from graphflow.graph.needs import best_effort, quorum

Graph = Declaration


class Essay(BaseModel):
    topic: str
    draft: str = ""
    score: int = 0
    kind: Literal["web", "code"] = "web"
    sources: list[str] = []
    prices: dict[str, float] = {}
    comments: Annotated[list[str], append] = []
    approved: bool = False


class Review(BaseModel):
    score: int
    comments: str


class Misspelt(BaseModel):
    scoer: int


class Other(BaseModel):
    subject: str = ""


essay = fields(Essay)


def write(state: Essay) -> dict[str, object]:
    return {"draft": state.topic}


def made() -> tuple[Declaration[Essay], NodeHandle[[Essay], dict[str, object]]]:
    graph = Graph("essay", Essay)
    return graph, graph.node(write)


# -- what is right: no mark, no underline


def all_right() -> Declaration[Essay]:
    graph, node = made()

    @graph.node(writes=essay.draft, retry=Retry(attempts=2), timeout_s=3)
    async def widen(state: Essay) -> str:
        return state.topic

    @graph.node
    def research(state: Essay, item: str, ctx: Context[int]) -> None:
        ctx.update(comments=item + str(ctx.deps))

    graph.node(write, name="careful", guardrails=[no_names, is_fine_later, Guardrail(names_cross, on="input")])
    graph.edge(node, END, guardrails=[names_cross])
    Guardrail(only_small, on="tool")

    async def called() -> str:
        return await widen(Essay(topic="owls"))

    ask = graph.ask("ask", "Send {draft}?", answer=bool, writes=essay.approved)
    ask.answer(True)
    inner = graph.node(graph, name="again")
    shared = Limit(3)
    graph.edge(START, node)
    graph.edge(node, widen, when=(essay.score >= 7) & not_(essay.approved), at_most=shared)
    graph.edge(node, widen, when=lambda state: state.score > 3, at_most="unbounded")
    graph.edge(widen, ask, on_error=(ModelError, ValueError), note="sorry")
    graph.edge(widen, inner, after_s=60)
    graph.fork(node, [widen, inner, "ask"], join=ask, need=quorum(2), failures="collect", when=size(essay.sources) > 0)
    graph.fork(node, {widen: essay.approved, inner: None}, join=END, need=contains(essay.sources, "x"))
    graph.map(node, research, over=essay.sources, join=ask, need=best_effort(at_least=1, within_s=3), at_once=2)
    graph.map(node, research, over=lambda state: state.sources[:3], join=ask, need="first", state="shared")
    graph.switch(node, essay.kind, {"web": widen, "code": FAIL("no code")}, otherwise=END)
    graph.handoff(node, END, "Done", when=essay.score > 3, takes=Review)
    graph.chain(node, widen, ask, END)
    graph.on_budget(node)
    del called
    return graph


# -- fields and conditions


def a_misspelt_field() -> None:
    graph, node = made()
    graph.edge(node, END, when=essay.scoer >= 7)  # editor, line GF102


def a_text_compared_with_a_number() -> None:
    graph, node = made()
    graph.edge(node, END, when=essay.score >= "7")  # editor, line GF106


def a_text_that_a_literal_never_is() -> None:
    graph, node = made()
    graph.edge(node, END, when=essay.kind == "wbe")  # editor, line GF106


def and_between_conditions() -> None:
    graph, node = made()
    graph.edge(node, END, when=essay.score > 3 and essay.approved)  # line GF103


def not_before_a_condition() -> None:
    graph, node = made()
    graph.edge(node, END, when=not essay.approved)  # line GF103


def len_of_a_field() -> None:
    graph, node = made()
    graph.edge(node, END, when=len(essay.sources) > 0)  # line GF104


def in_a_field() -> None:
    graph, node = made()
    graph.edge(node, END, when="x" in essay.sources)  # line GF104


def a_field_that_is_no_bool() -> None:
    graph, node = made()
    graph.edge(node, END, when=essay.score)  # editor, line GF105


def a_predicate_of_another_state() -> None:
    graph, node = made()

    def is_good(state: Other) -> bool:
        return state.subject != ""

    graph.edge(node, END, when=is_good)  # editor, line GF102


def a_misspelt_field_in_a_predicate() -> None:
    graph, node = made()
    graph.edge(node, END, when=lambda state: state.scoer > 3)  # editor, line GF102


def a_predicate_that_was_called() -> None:
    graph, node = made()
    graph.edge(node, END, when=bool(essay.score > 7))  # line GF103


def a_condition_by_position() -> None:
    graph, node = made()
    graph.edge(node, END, essay.score > 7)  # editor, line TypeError


# -- nodes


def an_unknown_option_of_a_node() -> None:
    graph = Graph("essay", Essay)
    graph.node(write, write=essay.draft)  # editor, line GF118


def a_retry_count() -> None:
    graph = Graph("essay", Essay)
    graph.node(write, retry=3)  # editor, line GF118


def a_timeout_in_quotes() -> None:
    graph = Graph("essay", Essay)
    graph.node(write, timeout_s="30")  # editor, line GF118


def a_timeout_below_zero() -> None:
    graph = Graph("essay", Essay)
    graph.node(write, timeout_s=-1)  # line GF118


def at_once_of_nothing() -> None:
    graph = Graph("essay", Essay)
    graph.node(write, at_once=0)  # line GF118


def no_function_at_all() -> None:
    graph = Graph("essay", Essay)
    graph.node("write")  # editor, line GF115


def a_misspelt_field_written() -> None:
    graph = Graph("essay", Essay)
    graph.node(write, writes=essay.drafft)  # editor, line GF102


def a_misspelt_name_written() -> None:
    graph = Graph("essay", Essay)
    graph.node(write, writes="drafft")  # line GF117


def a_result_with_a_misspelt_field() -> None:
    graph = Graph("essay", Essay)

    @graph.node  # line GF116
    def review(state: Essay) -> Misspelt:
        return Misspelt(scoer=1)

    del review


def a_result_that_goes_nowhere() -> None:
    graph = Graph("essay", Essay)

    @graph.node  # line GF116
    def review(state: Essay) -> str:
        return ""

    del review


def a_list_for_append() -> None:
    graph = Graph("essay", Essay)

    @graph.node(writes=essay.comments)  # line GF131
    def review(state: Essay) -> list[str]:
        return []

    del review


def a_generator() -> None:
    graph = Graph("essay", Essay)

    @graph.node  # line GF115
    def review(state: Essay) -> Iterator[str]:
        yield ""

    del review


def a_parameter_nobody_gives() -> None:
    graph = Graph("essay", Essay)

    @graph.node  # line GF114
    def review(state: Essay, client: object) -> None: ...

    del review


def a_view_of_another_state() -> None:
    graph = Graph("essay", Essay)

    @graph.node  # line GF114
    def review(state: Other) -> None: ...

    del review


def two_nodes_of_one_name() -> None:
    graph, _ = made()
    graph.node(write)  # line GF113


def a_handle_called_with_another_type() -> None:
    _, node = made()
    node("owls")  # editor, line AttributeError


def a_handle_called_without_its_state() -> None:
    _, node = made()
    node()  # editor, line TypeError


def an_attribute_a_handle_has_not() -> None:
    _, node = made()
    node.nmae  # editor, line AttributeError


# -- edges


def a_misspelt_handle() -> None:
    graph, _ = made()
    graph.edge(START, wirte)  # editor, line NameError  # noqa: F821


def a_misspelt_name() -> Declaration[Essay]:
    graph, _ = made()
    graph.edge(START, "wirte")  # check GF120
    return graph


def a_function_instead_of_its_handle() -> None:
    graph, _ = made()
    graph.edge(START, write)  # editor, line GF119


def several_targets() -> None:
    graph, node = made()
    graph.edge(START, [node, node])  # editor, line GF119


def a_node_of_another_graph() -> None:
    _, node = made()
    Graph("other", Essay).edge(START, node)  # line GF119


def an_edge_from_the_end() -> None:
    graph, node = made()
    graph.edge(END, node)  # editor, line GF121


def an_edge_into_the_start() -> None:
    graph, node = made()
    graph.edge(node, START)  # editor, line GF121


def at_most_in_quotes() -> None:
    graph, node = made()
    graph.edge(node, node, at_most="3")  # editor, line GF122


def at_most_below_zero() -> None:
    graph, node = made()
    graph.edge(node, node, at_most=-1)  # line GF122


def at_most_misspelt() -> None:
    graph, node = made()
    graph.edge(node, node, at_most="unlimited")  # editor, line GF122


def at_most_as_fraction() -> None:
    graph, node = made()
    graph.edge(node, node, at_most=2.5)  # editor, line GF122


def on_error_in_quotes() -> None:
    graph, node = made()
    graph.edge(node, END, on_error="ModelError")  # editor, line GF129


def on_error_with_an_instance() -> None:
    graph, node = made()
    graph.edge(node, END, on_error=ValueError("x"))  # editor, line GF129


def on_error_with_keyboard_interrupt() -> None:
    graph, node = made()
    graph.edge(node, END, on_error=KeyboardInterrupt)  # editor, line GF129


def after_in_quotes() -> None:
    graph, node = made()
    graph.edge(node, END, after_s="60")  # editor, line GF118


def a_misspelt_option_of_an_edge() -> None:
    graph, node = made()
    graph.edge(node, END, whn=essay.score > 7)  # editor, line TypeError


def no_target() -> None:
    graph, node = made()
    graph.edge(node)  # editor, line TypeError


# -- forks and maps


def a_fork_without_join() -> None:
    graph, node = made()
    graph.fork(START, [node])  # editor, line TypeError


def a_fork_to_one_node() -> None:
    graph, node = made()
    graph.fork(START, node, join=END)  # editor, line GF119


def a_fork_to_the_end() -> None:
    graph, node = made()
    graph.fork(START, [node, END], join=END)  # line GF121


def a_fork_with_misspelt_conditions() -> None:
    graph, node = made()
    graph.fork(START, {node: essay.aproved}, join=END)  # editor, line GF102


def need_as_a_count() -> None:
    graph, node = made()
    graph.fork(START, [node], join=END, need=2)  # editor, line GF128


def need_misspelt() -> None:
    graph, node = made()
    graph.fork(START, [node], join=END, need="al")  # editor, line GF128


def a_quorum_in_quotes() -> None:
    graph, node = made()
    graph.fork(START, [node], join=END, need=quorum("2"))  # editor, line GF118


def failures_misspelt() -> None:
    graph, node = made()
    graph.fork(START, [node], join=END, failures="colect")  # editor, line GF118


def state_misspelt() -> None:
    graph, node = made()
    graph.fork(START, [node], join=END, state="share")  # editor, line GF118


def a_map_without_over() -> None:
    graph, node = made()
    graph.map(START, node, join=END)  # editor, line TypeError


def a_map_over_a_text() -> None:
    graph, node = made()
    graph.map(START, node, over=essay.draft, join=END)  # editor, line GF123


def a_map_over_a_dict() -> None:
    graph, node = made()
    graph.map(START, node, over=essay.prices, join=END)  # editor, line GF123


def a_map_over_a_name() -> None:
    graph, node = made()
    graph.map(START, node, over="sources", join=END)  # editor, line GF123


def a_misspelt_field_mapped_over() -> None:
    graph, node = made()
    graph.map(START, node, over=lambda state: state.sauces, join=END)  # editor


def an_item_of_another_type() -> Declaration[Essay]:
    graph = Graph("essay", Essay)

    @graph.node
    def research(state: Essay, item: int) -> None: ...

    graph.map(START, research, over=essay.sources, join=END)  # check GF132
    return graph


# -- guardrails


def no_names(draft: str) -> str | None:
    return None


def names_cross(state: Essay) -> str | None:
    return None


def is_fine(draft: str) -> bool:
    return True


async def is_fine_later(draft: str, ctx: Context) -> str | None:
    return None


def only_small(tool: str, arguments: dict[str, Any]) -> str | None:
    return None


def a_guardrail_that_answers_a_bool() -> None:
    made()[0].node(write, name="b", guardrails=[is_fine])  # editor


def a_guardrail_without_a_list() -> None:
    made()[0].node(write, name="b", guardrails=no_names)  # editor, line GF138


def a_misspelt_moment() -> None:
    Guardrail(no_names, on="inptu")  # editor, line GF138


def a_guardrail_of_tools_that_takes_a_text() -> None:
    Guardrail(no_names, on="tool")  # editor, line GF138


def a_guardrail_of_tools_on_a_node() -> None:
    made()[0].node(write, name="b", guardrails=[Guardrail(only_small, on="tool")])  # line GF138


def an_async_guardrail_on_an_edge() -> None:
    graph, node = made()
    graph.edge(node, END, guardrails=[is_fine_later])  # line GF138


def a_guardrail_on_an_error_edge() -> None:
    graph, node = made()
    graph.edge(node, END, on_error=ModelError, guardrails=[names_cross])  # line GF138


# -- handoffs, switches, questions, the graph itself


def a_handoff_without_description() -> None:
    graph, node = made()
    graph.handoff(node, END)  # editor, line TypeError


def a_handoff_with_a_node_as_description() -> None:
    graph, node = made()
    graph.handoff(node, END, node)  # editor, line GF118


def a_misspelt_case() -> None:
    graph, node = made()
    graph.switch(node, essay.kind, {"wbe": END})  # line GF106


def a_switch_to_a_function() -> None:
    graph, node = made()
    graph.switch(node, essay.kind, {"web": write})  # editor, line GF119


def a_switch_without_cases() -> None:
    graph, node = made()
    graph.switch(node, essay.kind)  # editor, line TypeError


def a_chain_over_a_list() -> None:
    graph, node = made()
    graph.chain(START, [node, END])  # editor, line GF119


def an_answer_of_another_type() -> None:
    graph, _ = made()
    graph.ask("ask", "Send {draft}?", answer=bool, writes=essay.approved).answer("yes")  # editor


def a_misspelt_field_in_a_question() -> Declaration[Essay]:
    graph, _ = made()
    graph.ask("ask", "Send {drafft}?", answer=bool, writes=essay.approved)  # line GF126
    return graph


def an_answer_that_goes_nowhere() -> None:
    graph, _ = made()
    graph.ask("ask", "Send {draft}?", answer=bool)  # line GF116


def a_wrap_up_at_the_end() -> None:
    graph, _ = made()
    graph.on_budget(END)  # editor, line GF134


def a_state_that_is_an_instance() -> None:
    Graph("essay", Essay(topic="owls"))  # editor, line GF110


def a_state_that_is_no_model() -> None:
    Graph("essay", dict)  # editor, line GF110


def a_state_that_cannot_be_stored() -> None:
    class Holder(BaseModel):
        data: bytes = b""

    Graph("holder", Holder)  # line GF111


def limits_as_a_count() -> None:
    Graph("essay", Essay, limits=1_000)  # editor, line GF118


def an_unknown_limit() -> None:
    Limits(step=3)  # editor, line TypeError


def a_graph_without_mapping() -> None:
    graph, _ = made()
    graph.node(Graph("other", Other))  # line GF125


def a_graph_with_a_tuple_of_fields() -> None:
    graph, _ = made()
    graph.node(Graph("other", Other), writes=(essay.draft,))  # editor, line GF125
