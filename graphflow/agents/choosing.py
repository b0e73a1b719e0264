"""Which model answers: the agent's > the run's > GRAPHFLOW_MODEL > OPENAI_DEFAULT_MODEL > offline.

Names are ``provider/model`` as users know them: ``openai/gpt-5``, ``ollama/llama3``, ``openrouter/meta-llama/llama-4``,
``offline``. While OPENAI_BASE_URL is set, a name without a provider, or with one that is unknown or has no key, is
asked of the server there: a proxy has models of many providers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphflow.agents.model import Model
from graphflow.agents.prices import FREE, PRICES
from graphflow.agents.providers import PROVIDERS, Provider
from graphflow.errors import ModelUnavailable, nearest, shown

if TYPE_CHECKING:  # a kind of model is imported when one is chosen
    from graphflow.agents.openai_model import OpenAIModel

OFFLINE_NAMES = ("offline", "offline:extractive")
KNOWN_PROVIDERS = ("openai", "offline", *sorted(PROVIDERS))
_REPLAY = "replay:"
"""Before the path of a cassette."""
_OPENAI = re.compile(r"(gpt|chatgpt|ft:|codex|computer-use|o\d)", re.IGNORECASE)
"""How the names of OpenAI's models begin."""


def choose_model(agent_model: Model | str | None, run_model: Model | str | None, environ: Mapping[str, str]) -> Model:
    """The model to use. Raises ModelUnavailable if a remote one is named and there is no key for it."""
    given = run_model if agent_model is None or agent_model == "" else agent_model
    if given is None or given == "":
        given = environ.get("GRAPHFLOW_MODEL")
    if given is not None and given != "":
        return model_named(given, environ) if isinstance(given, str) else _checked(given, environ)
    default = environ.get("OPENAI_DEFAULT_MODEL")
    if default and (environ.get("OPENAI_API_KEY") or environ.get("OPENAI_BASE_URL")):
        return model_named(default, environ)
    return _offline()


def model_named(name: str, environ: Mapping[str, str]) -> Model:
    """The model of a name, checked as far as can be without asking it. Raises ModelUnavailable."""
    provider, slash, model = name.partition("/")
    if name in OFFLINE_NAMES:
        return _offline()
    if name.startswith(_REPLAY):
        from graphflow.agents.replay_model import ReplayModel

        return ReplayModel(name.removeprefix(_REPLAY))
    base_url = environ.get("OPENAI_BASE_URL")
    known = PROVIDERS.get(provider) if slash and model else None
    if known is not None and (known.is_local or environ.get(known.key_variable) or not base_url):
        return _provided(known, model, environ)
    if slash and model and provider == "openai":
        chosen = _shared(model, base_url, environ.get("OPENAI_API_KEY"), provider=provider)
    elif name.strip() and (not slash or (model and base_url)):
        if not slash and not base_url:
            _refuse_misspelt(name, environ)
        chosen = _shared(name, base_url, environ.get("OPENAI_API_KEY"))
    else:
        raise _unknown(name, provider)
    chosen.require_key(environ)
    return chosen


def _offline() -> Model:
    from graphflow.agents.offline import OfflineModel

    return OfflineModel()


@lru_cache(maxsize=256)
def _shared(name: str, base_url: str | None, api_key: str | None, **options: Any) -> OpenAIModel:
    """One model for one name, however many agents name it: they share its connections."""
    from graphflow.agents.openai_model import OpenAIModel

    return OpenAIModel(name, base_url=base_url, api_key=api_key, **options)


def _provided(provider: Provider, model: str, environ: Mapping[str, str]) -> OpenAIModel:
    from graphflow.agents.openai_model import is_local

    base_url = provider.base_url(environ)
    chosen = _shared(
        model,
        base_url,
        environ.get(provider.key_variable),
        key_variable=provider.key_variable,
        provider=provider.name,
        prices=FREE if provider.is_local and is_local(base_url) else None,
        constrains_output=provider.constrains_output,
    )
    chosen.require_key(environ)
    return chosen


def _refuse_misspelt(name: str, environ: Mapping[str, str]) -> None:
    """A bare name that looks like one of ours, or like nothing while there is no key, is no model of OpenAI's."""
    if _OPENAI.match(name) or name in PRICES:
        return
    if name.lower() == "scripted":
        raise ModelUnavailable(
            f"{name!r} is no name of a model",
            why="A scripted model says what a test gave it, so it is an object.",
            fix="Give it: model=ScriptedModel(...), from graphflow.models.",
        )
    close = nearest(name.lower(), OFFLINE_NAMES + KNOWN_PROVIDERS)
    if close is None and environ.get("OPENAI_API_KEY"):
        return
    example = close if close in OFFLINE_NAMES else f"{close}/..." if close else ""
    raise ModelUnavailable(
        f"There is no model called {name!r}",
        why="Without a provider before it, a name is a model of OpenAI's or 'offline'.",
        fix=f"Did you mean {example!r}?"
        if close
        else f"Write provider/model, e.g. 'openai/{name}' with OPENAI_API_KEY set, or 'offline'.",
    )


def _checked(model: object, environ: Mapping[str, str]) -> Model:
    from graphflow.agents.openai_model import OpenAIModel

    if isinstance(model, OpenAIModel):
        model.require_key(environ)
        return model
    if isinstance(model, type) or not isinstance(model, Model):
        raise ModelUnavailable(
            f"{shown(model)} is no model",
            why="A model has a name and an async respond(request).",
            fix='Give a name like "openai/gpt-5" or an object: OpenAIModel("gpt-5").',
        )
    return model


def _unknown(name: str, provider: str) -> ModelUnavailable:
    close = nearest(provider, KNOWN_PROVIDERS)
    mend = f"Did you mean {close!r}?" if close else f"Known are: {', '.join(KNOWN_PROVIDERS)}."
    return ModelUnavailable(
        f"There is no provider called {provider!r} for the model {name!r}",
        why="A model is named provider/model; any OpenAI-compatible server can be used by its base URL.",
        fix=f'{mend} Or set OPENAI_BASE_URL, or write OpenAIModel("{name}", base_url="https://...").',
    )
