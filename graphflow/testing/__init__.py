"""What helps to test graphs and agents."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphflow.testing import store_contract
    from graphflow.testing.fake_openai import wire
    from graphflow.testing.fake_openai.asked import WireRequest
    from graphflow.testing.fake_openai.server import FakeOpenAI

_HOME = {
    "FakeOpenAI": "graphflow.testing.fake_openai.server",
    "WireRequest": "graphflow.testing.fake_openai.asked",
    "store_contract": "graphflow.testing",
    "wire": "graphflow.testing.fake_openai",
}
"""Where each public name lives; imported when it is first used."""

__all__ = ["FakeOpenAI", "WireRequest", "store_contract", "wire"]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'graphflow.testing' has no attribute {name!r}")
    value: object = import_module(f"{home}.{name}") if name.islower() else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
