"""What a node's function takes and gives back, read from its signature (S3.1, S6.1)."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest
from pydantic import BaseModel

from graphflow.core.plan import Node
from graphflow.graph.context import Context
from graphflow.graph.declaration import Declaration
from tests.graph.essays import Essay, essay_graph

if TYPE_CHECKING:
    from graphflow.graph.context import Context as OnlyForCheckers

T = TypeVar("T")
VIEW, ITEM, CTX = Essay(topic="owls"), "barn owl", object()


def node_of(function: Callable[..., Any], **options: Any) -> Node:
    graph = essay_graph()
    handle = graph.node(function, name="it", **options)
    return graph.plan().node(handle.name)


def called(node: Node) -> Any:
    """Call a node as a driver does: by position, with the arguments it names."""
    given = {"state": VIEW, "item": ITEM, "ctx": CTX}
    assert node.call is not None
    result = node.call(*(given[name] for name in node.arguments))
    return asyncio.run(result) if node.mode == "async" else result


class HasTopic(Protocol):
    topic: str


def nothing() -> dict[str, Any]:
    return {"got": ()}


def view(state: Essay) -> dict[str, Any]:
    return {"got": (state,)}


def by_base(state: BaseModel) -> dict[str, Any]:
    return {"got": (state,)}


def by_protocol(state: HasTopic) -> dict[str, Any]:
    return {"got": (state,)}


def by_variable(state: T) -> dict[str, Any]:
    return {"got": (state,)}


def bare(state, item, ctx):  # type: ignore[no-untyped-def]
    return {"got": (state, item, ctx)}


def item_first(item: str, state: Essay) -> dict[str, Any]:
    return {"got": (item, state)}


def item_only(item: str) -> dict[str, Any]:
    return {"got": (item,)}


def context_only(around: Context) -> dict[str, Any]:
    return {"got": (around,)}


def context_first(ctx: Context[int], state: Essay) -> dict[str, Any]:
    return {"got": (ctx, state)}


def context_for_checkers(state: Essay, ctx: OnlyForCheckers[int]) -> dict[str, Any]:
    return {"got": (state, ctx)}


def context_or_none(state: Essay, ctx: Context | None = None) -> dict[str, Any]:
    return {"got": (state, ctx)}


def by_keyword(state: Essay, *, ctx: Context, item: str) -> dict[str, Any]:
    return {"got": (state, ctx, item)}


def with_defaults(state: Essay, temperature: float = 0.2, *, item: str = "none") -> dict[str, Any]:
    return {"got": (state, temperature, item)}


def with_rest(state: Essay, *rest: Any, **more: Any) -> dict[str, Any]:
    return {"got": (state, *rest)}


@pytest.mark.parametrize(
    ("function", "arguments", "got"),
    [
        (nothing, (), ()),
        (view, ("state",), (VIEW,)),
        (by_base, ("state",), (VIEW,)),
        (by_protocol, ("state",), (VIEW,)),
        (by_variable, ("state",), (VIEW,)),
        (bare, ("state", "item", "ctx"), (VIEW, ITEM, CTX)),
        (item_first, ("item", "state"), (ITEM, VIEW)),
        (item_only, ("item",), (ITEM,)),
        (context_only, ("ctx",), (CTX,)),
        (context_first, ("ctx", "state"), (CTX, VIEW)),
        (context_for_checkers, ("state", "ctx"), (VIEW, CTX)),
        (context_or_none, ("state", "ctx"), (VIEW, CTX)),
        (by_keyword, ("state", "ctx", "item"), (VIEW, CTX, ITEM)),
        (with_defaults, ("state", "item"), (VIEW, 0.2, ITEM)),
        (with_rest, ("state",), (VIEW,)),
    ],
)
def test_a_function_is_given_what_its_parameters_ask_for(
    function: Callable[..., Any], arguments: tuple[str, ...], got: tuple[Any, ...]
) -> None:
    node = node_of(function)
    assert node.arguments == arguments
    assert called(node)["got"] == got


def test_names_of_the_declaring_function_are_in_sight() -> None:
    class Local(BaseModel):
        word: str = ""

    graph = Declaration("local", Local)

    @graph.node(writes="word")
    def speak(state: Local, ctx: Context[Local]) -> str:
        return "hoot"

    assert graph.plan().node("speak").arguments == ("state", "ctx")


def made_elsewhere() -> Callable[..., Any]:
    class Deps(BaseModel): ...

    def work(state: Essay, ctx: Context[Deps], deps: Deps | None = None) -> Deps:
        return Deps()

    return work


def test_names_around_the_function_itself_are_in_sight() -> None:
    """The annotation is known, though not where the node is declared: a model without fields writes nothing."""
    assert node_of(made_elsewhere(), updates=()).writes.declared == set()


async def waits(state: Essay) -> dict[str, Any]:
    return {"got": (state,)}


def gives_coroutine(state: Essay) -> Coroutine[Any, Any, dict[str, Any]]:
    return waits(state)


def gives_awaitable(state: Essay) -> Awaitable[dict[str, Any]]:
    return waits(state)


class Worker:
    async def run(self, state: Essay) -> dict[str, Any]:
        return {"got": (state,)}

    async def __call__(self, state: Essay) -> dict[str, Any]:
        return {"got": (state,)}


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


def with_more(prefix: str, state: Essay) -> dict[str, Any]:
    return {"got": (state,)}


@pytest.mark.parametrize(
    ("work", "mode"),
    [
        (view, "sync"),
        (waits, "async"),
        (gives_coroutine, "async"),
        (gives_awaitable, "async"),
        (Worker().run, "async"),
        (Worker(), "async"),
        (logged(waits), "async"),
        (functools.partial(waits), "async"),
        (functools.partial(with_more, "a"), "sync"),
        (lambda state: {"got": (state,)}, "sync"),
    ],
)
def test_how_a_node_is_called(work: Callable[..., Any], mode: str) -> None:
    node = node_of(work)
    assert node.mode == mode
    assert called(node)["got"] == (VIEW,)


def test_blocking_is_said() -> None:
    assert node_of(view, blocking=True).mode == "blocking"


def test_the_name_is_the_functions_own() -> None:
    graph = essay_graph()
    assert graph.node(view).name == "view"
    assert graph.node(functools.partial(with_more, "a")).name == "with_more"
    assert graph.node(Worker().run).name == "run"


def test_the_purpose_is_the_first_line_of_the_docstring() -> None:
    def scout(state: Essay) -> None:
        """Find rivals.

        And more.
        """

    graph = essay_graph()
    graph.node(scout)
    graph.node(scout, name="again", purpose="Find more")
    assert [node.purpose for node in graph.plan().nodes[1:]] == ["Find rivals.", "Find more"]
