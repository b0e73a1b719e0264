"""What the stories of patterns share: who was asked, with which words, and every order in which side branches may end."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from graphflow.models import Request, ScriptedModel


def instructions(request: Request) -> str:
    """The system message: in these stories it is the agent's name, or begins with it."""
    return next(message.text for message in request.messages if message.role == "system")


def prompt(request: Request) -> str:
    """The user message of the agent's own prompt."""
    return next(message.text for message in request.messages if message.role == "user")


def answering(answers: Mapping[str, Any], delays_s: Mapping[str, float] | None = None) -> ScriptedModel:
    """A model that answers each agent by its instructions: a value, or what a function of the request gives."""

    async def answer(request: Request) -> Any:
        name = instructions(request)
        await asyncio.sleep((delays_s or {}).get(name, 0))
        found = answers[name]
        return found(request) if callable(found) else found

    return ScriptedModel(answer)


def orders(*names: str) -> Iterator[dict[str, float]]:
    """Delays in seconds for every order in which these may finish."""
    for order in itertools.permutations(names):
        yield {name: place + 1.0 for place, name in enumerate(order)}


def in_turn(*answers: Any) -> Callable[[Request], Any]:
    """One answer after the other, and then the last one for ever; errors are raised."""
    left = list(answers)

    def answer(request: Request) -> Any:
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


def load(name: str) -> ModuleType:
    """graphs/NAME.py, imported from its file as a user would."""
    path = Path(__file__).parents[2] / "graphs" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"pattern_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
