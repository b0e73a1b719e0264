"""Graphs whose state holds canaries, each with a failure of its own; and all that is told of their runs, for a search."""

from __future__ import annotations

import asyncio
import dataclasses
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, Secret, SecretBytes, SecretStr, field_validator, model_validator
from pydantic_core import to_json

from graphflow import END, START, Agent, Context, Graph, Retry, append, fields
from graphflow.errors import GraphflowError, RunFailed
from graphflow.models import ScriptedModel, tool_call
from graphflow.runtime.run import Run

CANARY = "canary-in-the-state-5512"
NESTED, LISTED, RAW, NUMBER = f"{CANARY}-nested", f"{CANARY}-listed", f"{CANARY}-raw", 551_255_125_512
DEPS, MODEL_KEY, VARIABLE = "canary-in-deps-8061", "canary-in-the-key-3390", "canary-in-the-environment-7745"
FRESH = "not-yet-in-it-canary-4402"  # what is given for a secret and never gets into the state
EVERY = (CANARY, FRESH, str(NUMBER), DEPS, MODEL_KEY, VARIABLE)


class Account(BaseModel):
    name: str = "ann"
    key: SecretStr = SecretStr(NESTED)


class State(BaseModel):
    """Secrets of every kind and depth, among fields that are none."""

    topic: str = "owls"
    key: SecretStr = SecretStr(CANARY)
    maybe: SecretStr | None = None
    raw: SecretBytes = SecretBytes(RAW.encode())
    number: Secret[int] = Secret(NUMBER)
    account: Account = Account()
    accounts: dict[str, Account] = {"ann": Account()}
    keys: Annotated[list[SecretStr], append] = [SecretStr(LISTED)]
    report: str = ""
    lines: Annotated[list[str], append] = []


class Picky(State):
    """The same with validators that tell what they saw."""

    short: Annotated[SecretStr, Field(max_length=60)] = SecretStr("")

    @field_validator("short")
    @classmethod
    def not_owls(cls, value: SecretStr) -> SecretStr:
        if "bad" in value.get_secret_value():
            raise ValueError(f"{value.get_secret_value()} will not do")
        return value

    @model_validator(mode="after")
    def agree(self) -> Picky:
        if self.topic == "cats":
            raise ValueError(f"{self.key.get_secret_value()} knows no cats")
        return self


state = fields(State)
Case = tuple[Graph[Any], Any]
CASES: dict[str, Callable[[], Case]] = {}


def case(make: Callable[[], Case]) -> Callable[[], Case]:
    CASES[make.__name__] = make
    return make


def _of_one(node: Callable[..., Any], kind: type[State] = State, **options: Any) -> Case:
    graph = Graph(node.__name__, kind)
    graph.chain(START, graph.node(node, **options), END)
    return graph, kind()


@case
def all_goes_well() -> Case:
    graph = Graph("well", State)

    @graph.node
    def login(view: State) -> dict[str, Any]:
        assert view.key.get_secret_value() == CANARY
        assert view.account.key.get_secret_value() == NESTED
        return {"maybe": CANARY + "-new", "keys": LISTED + "-2", "lines": "in"}

    @graph.node
    def use(view: State) -> dict[str, Any]:
        assert view.maybe is not None
        assert [key.get_secret_value() for key in view.keys] == [LISTED, LISTED + "-2"]
        return {"report": f"{view.number.get_secret_value() % 10}", "lines": repr(view)}

    graph.edge(START, login)
    graph.edge(login, use, when=state.maybe != None)
    graph.edge(use, END)
    return graph, State()


@case
def a_map_over_secrets() -> Case:
    graph = Graph("map", State)

    @graph.node
    def try_one(view: State, item: SecretStr) -> dict[str, Any]:
        if item.get_secret_value().endswith("bad"):
            raise LookupError(f"{item.get_secret_value()} is refused")
        return {"lines": "one"}

    gather = graph.point("gather")
    graph.map(START, try_one, over=state.keys, join=gather)
    graph.edge(gather, END)
    return graph, State(keys=[SecretStr(LISTED), SecretStr(LISTED + "-bad")])


@case
def an_update_that_does_not_validate() -> Case:
    def wrong(view: State) -> dict[str, Any]:
        return {"account": {"name": 5, "key": FRESH}}

    return _of_one(wrong)


@case
def an_update_of_a_wrong_type() -> Case:
    def wrong(view: State) -> dict[str, Any]:
        return {"key": NUMBER}

    return _of_one(wrong)


@case
def an_update_of_a_list_by_a_dict() -> Case:
    def wrong(view: State) -> dict[str, Any]:
        return {"keys": {"a": FRESH}}

    return _of_one(wrong)


@case
def a_result_that_is_no_update() -> Case:
    def wrong(view: State) -> Any:
        return (FRESH, FRESH, FRESH)

    return _of_one(wrong, writes=(state.key, state.topic))


@case
def a_result_without_its_source() -> Case:
    def wrong(view: State) -> Any:
        return {"other": FRESH}

    return _of_one(wrong, writes={"key": "key"})


@case
def a_validator_that_tells() -> Case:
    def wrong(view: State) -> dict[str, Any]:
        return {"short": FRESH + " bad"}

    return _of_one(wrong, Picky)


@case
def a_bound_of_the_field() -> Case:
    def wrong(view: State) -> dict[str, Any]:
        return {"short": FRESH * 9}

    return _of_one(wrong, Picky)


@case
def a_validator_of_the_whole_that_tells() -> Case:
    def wrong(view: State) -> dict[str, Any]:
        return {"topic": "cats"}

    return _of_one(wrong, Picky)


@case
def a_reducer_that_raises() -> Case:
    def longest(old: list[SecretStr], new: list[SecretStr]) -> list[SecretStr]:
        raise ValueError(f"cannot fold {new[0].get_secret_value()}")

    class Reduced(State):
        more: Annotated[list[SecretStr], longest] = []

    def wrong(view: State) -> dict[str, Any]:
        return {"more": [FRESH]}

    return _of_one(wrong, Reduced)


@case
def a_node_that_raises_twice() -> Case:
    def wrong(view: State) -> None:
        raise ConnectionError(f"https://x/?key={view.key.get_secret_value()} is away")

    return _of_one(wrong, retry=Retry(2, first_s=0.001))


@case
def no_way_out() -> Case:
    graph = Graph("stuck", State)
    node = graph.point("node")
    graph.edge(START, node)
    graph.edge(node, END, when=lambda view: view.key.get_secret_value() == view.account.key.get_secret_value())
    return graph, State()


@case
def a_guard_that_raises() -> Case:
    graph = Graph("guard", State)
    node = graph.point("node")

    def asked(view: State) -> bool:
        raise ValueError(f"{view.key.get_secret_value()} is unknown")

    graph.edge(START, node)
    graph.edge(node, END, when=asked)
    return graph, State()


@case
def a_sub_graph_with_a_state_of_its_own() -> Case:
    class Inner(BaseModel):
        token: SecretStr
        out: str = ""

    inner: Graph[Inner] = Graph("inner", Inner)

    @inner.node
    def use(view: Inner) -> None:
        raise PermissionError(view.token.get_secret_value())

    inner.chain(START, use, END)
    graph = Graph("outer", State)
    graph.chain(START, graph.node(inner, reads={"token": state.key}, writes={"report": "out"}), END)
    return graph, State()


@case
def a_tool_that_fails_and_one_that_logs_in() -> Case:
    def leaky(ctx: Context[Any]) -> str:
        """Looks it up."""
        raise LookupError(f"{CANARY} in a tool, with {ctx.deps is not None}")

    def login(ctx: Context[Any]) -> str:
        """Logs in."""
        ctx.update(maybe=CANARY + "-of-a-tool", accounts={"b": Account(key=SecretStr(CANARY + "-b"))})
        return "logged in"

    def wrong(ctx: Context[Any]) -> str:
        """Logs in wrongly."""
        ctx.update(raw={"no": FRESH})
        return "so"

    agent = Agent("clerk", "You log in.", prompt="{topic}", tools=[leaky, login, wrong])
    graph = Graph("tools", State)
    graph.chain(START, graph.node(agent, writes=state.report, updates=(state.maybe, state.accounts, state.raw)), END)
    return graph, State()


@case
def a_tool_that_returns_a_secret() -> Case:
    def login() -> SecretStr:
        """Logs in."""
        return SecretStr(CANARY + "-returned")

    graph = Graph("returns", State)
    graph.chain(
        START, graph.node(Agent("clerk", "You log in.", prompt="{topic}", tools=[login]), writes=state.report), END
    )
    return graph, State()


@case
def once_that_gives_a_secret() -> Case:
    async def wrong(view: State, ctx: Context[Any]) -> None:
        async def login() -> dict[str, Any]:
            return {"token": SecretStr(FRESH)}

        await ctx.once("login", login)

    return _of_one(wrong)


@case
def a_budget_that_ends() -> Case:
    graph = Graph("budget", State)

    @graph.node
    def again(view: State) -> dict[str, Any]:
        return {"keys": LISTED}

    graph.edge(START, again)
    graph.edge(again, again, at_most=50)
    graph.edge(again, END)
    return graph, State()


def model() -> ScriptedModel:
    """For the case that has an agent."""
    return ScriptedModel([tool_call("leaky"), tool_call("login"), tool_call("wrong"), "done"])


class Deps:
    """What nodes are given besides the state."""

    def __init__(self) -> None:
        self.key = DEPS


class Heard:
    """All that was told of runs."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.events: list[Any] = []

    def __call__(self, event: Any) -> None:
        self.events.append(event)

    def error(self, error: BaseException) -> None:
        """An error's words; its traceback too, unless an exception of the user's own is in it, whose words are theirs."""
        self.texts += [str(error), repr(error)]
        if isinstance(error, GraphflowError):
            self.texts.append(str(error.as_json()))
        seen: BaseException | None = error
        while isinstance(seen, GraphflowError):
            seen = seen.__cause__
        if seen is None:
            self.texts.append("".join(traceback.format_exception(error)))

    def run(self, run: Run[Any]) -> None:
        """Everything that can be seen of a run."""
        drawn = run.plan
        self.texts += map(repr, [run, run.state, run.journal, run.steps, run.failures, run.questions, run.raw_journal])
        self.texts += [str(run.state), str(run._repr_mimebundle_()), str(drawn.fingerprint)]  # pyright: ignore[reportPrivateUsage]
        self.texts.append(run.state.model_dump_json())

    def all(self) -> Iterator[str]:
        """Every text, those of events included."""
        yield from self.texts
        for event in self.events:
            yield repr(event)
            yield to_json(dataclasses.asdict(event), fallback=repr).decode()


def played(graph: Graph[Any], start: Any, heard: Heard, **options: Any) -> Run[Any]:
    """A run to where it rests, and all that was told of it."""
    try:
        run = asyncio.run(_drive(graph, start, heard, options))
    except RunFailed as failed:
        heard.error(failed)
        run = failed.run
    heard.run(run)
    return run


async def _drive(graph: Graph[Any], start: Any, heard: Heard, options: dict[str, Any]) -> Run[Any]:
    return await graph.run(start, deps=Deps(), observers=[heard], **options)


def bytes_below(folder: Path) -> dict[str, bytes]:
    """Every file of a folder: the database, its log, its shared memory."""
    return {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def forms(canary: str) -> list[bytes]:
    """How a canary might stand somewhere: as it is, in base64, in hex, backwards."""
    import base64

    plain = canary.encode()
    shifted = [base64.b64encode(b"x" * n + plain)[4 * ((n + 2) // 3) : -4] for n in range(3)]
    return [plain, plain[::-1], plain.hex().encode(), *(part for part in shifted if len(part) > 8)]


def found_in(where: dict[str, bytes] | list[str]) -> list[str]:
    """Where a canary stands, and which."""
    named = where if isinstance(where, dict) else {text[:300]: text.encode(errors="replace") for text in where}
    wanted = [form for canary in EVERY for form in forms(canary)]
    return [f"{form!r} in {name}" for name, data in named.items() for form in wanted if form in data]
