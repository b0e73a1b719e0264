"""Words for the tests of bad input: a graph of one node, and mistakes with their whole message."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, JsonValue

from graphflow import END, START, Graph, Limits, RunFailed, append, fields
from graphflow.errors import GraphflowError
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from tests.graph.snapshots import shown

_ADDRESS = re.compile(r"0x[0-9a-f]+|Task-\d+")


class State(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    n: int = 0
    word: str = ""
    items: list[str] = []
    anything: Any = None
    data: JsonValue = None
    ratio: float = 0.0
    raw: bytes = b""
    log: Annotated[list[str], append] = []


state = fields(State)


def says(expected: str) -> Callable[[Callable[[], object]], Callable[[], None]]:
    """Make a mistake a test: it is refused with exactly this message, and nothing is left behind that warns."""

    def to_test(mistake: Callable[[], object]) -> Callable[[], None]:
        def test() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with pytest.raises(GraphflowError) as caught:
                    mistake()
                gc.collect()
            assert _ADDRESS.sub("0x", shown(caught.value)) == expected.strip("\n")
            if isinstance(caught.value, RunFailed):
                assert_untouched(caught.value.run)

        test.__name__, test.__doc__, test.__module__ = mistake.__name__, mistake.__doc__, mistake.__module__
        return test

    return to_test


def assert_untouched(run: Run[Any]) -> None:
    """S3.3: a failed node left nothing, in the state or in the journal."""
    assert run.state.model_dump() == run.at(1).state.model_dump()


def run_node(work: Any, kind: type[BaseModel] = State, start: Any = None, **options: Any) -> Run[Any]:
    """A graph of one node."""
    graph = Graph("one", kind, limits=Limits(value_bytes=10_000))
    graph.chain(START, graph.node(work, name="a", **options), END)
    return run_virtual(graph.run(kind() if start is None else start, run_id="r"))


def gives(update: object, **options: Any) -> Run[Any]:
    """A node that returns ``update``."""

    def work(view: State) -> Any:
        return update

    return run_node(work, **options)


async def fetch(number: int = 0) -> int:
    return number
