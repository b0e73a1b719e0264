"""What helps to test graphs and agents."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphflow.testing import faults, store_contract
    from graphflow.testing.compatibility import compatible
    from graphflow.testing.exploring.explore import explore
    from graphflow.testing.fake_openai import wire
    from graphflow.testing.fake_openai.asked import WireRequest
    from graphflow.testing.fake_openai.server import FakeOpenAI
    from graphflow.testing.mutating.mutate import mutate
    from graphflow.testing.playing.play import Move, Play
    from graphflow.testing.playing.replaying import replay
    from graphflow.testing.properties import always, eventually, leads_to, never, sometimes
    from graphflow.testing.proving.prove import prove
    from graphflow.testing.random_graphs import RandomState, graphs
    from graphflow.testing.simulating.simulate import simulate
    from graphflow.testing.state_machines import as_state_machine
    from graphflow.testing.values.answers import says
    from graphflow.testing.values.strategies import state_strategy, strategy_for
    from graphflow.testing.walking.verifying import verify, walks

_HOME = {
    "says": "graphflow.testing.values.answers",
    "Move": "graphflow.testing.playing.play",
    "Play": "graphflow.testing.playing.play",
    "always": "graphflow.testing.properties",
    "eventually": "graphflow.testing.properties",
    "leads_to": "graphflow.testing.properties",
    "never": "graphflow.testing.properties",
    "sometimes": "graphflow.testing.properties",
    "replay": "graphflow.testing.playing.replaying",
    "verify": "graphflow.testing.walking.verifying",
    "walks": "graphflow.testing.walking.verifying",
    "faults": "graphflow.testing",
    "FakeOpenAI": "graphflow.testing.fake_openai.server",
    "WireRequest": "graphflow.testing.fake_openai.asked",
    "RandomState": "graphflow.testing.random_graphs",
    "as_state_machine": "graphflow.testing.state_machines",
    "compatible": "graphflow.testing.compatibility",
    "explore": "graphflow.testing.exploring.explore",
    "graphs": "graphflow.testing.random_graphs",
    "mutate": "graphflow.testing.mutating.mutate",
    "prove": "graphflow.testing.proving.prove",
    "simulate": "graphflow.testing.simulating.simulate",
    "state_strategy": "graphflow.testing.values.strategies",
    "store_contract": "graphflow.testing",
    "strategy_for": "graphflow.testing.values.strategies",
    "wire": "graphflow.testing.fake_openai",
}
"""Where each public name lives; imported when it is first used."""

_MODULES = ("faults", "store_contract", "wire")
"""The names that are modules."""

__all__ = [
    "FakeOpenAI",
    "Move",
    "Play",
    "RandomState",
    "WireRequest",
    "always",
    "as_state_machine",
    "compatible",
    "eventually",
    "explore",
    "faults",
    "graphs",
    "leads_to",
    "mutate",
    "never",
    "prove",
    "replay",
    "says",
    "simulate",
    "sometimes",
    "state_strategy",
    "store_contract",
    "strategy_for",
    "verify",
    "walks",
    "wire",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'graphflow.testing' has no attribute {name!r}")
    value: object = import_module(f"{home}.{name}") if name in _MODULES else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
