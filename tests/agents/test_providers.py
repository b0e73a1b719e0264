"""Providers by name: where they are asked, with which key, and what is said where it is missing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graphflow.agents.providers import PROVIDERS
from graphflow.errors import ModelUnavailable
from graphflow.models import FREE, Message, OpenAIModel, Request, choose_model
from tests.agents.loopback import chat, serving

KEY = "canary0123456789"
REMOTE = [one for one in PROVIDERS.values() if not one.is_local]
LOCAL = [one for one in PROVIDERS.values() if one.is_local]
ASKED = Request((Message("user", "Hello?"),), (), {"type": "object", "properties": {}})


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GRAPHFLOW_MODEL", "OPENAI_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    for provider in PROVIDERS.values():
        monkeypatch.delenv(provider.key_variable, raising=False)


def model_of(name: str, environ: dict[str, str]) -> OpenAIModel:
    model = choose_model(None, name, environ)
    assert isinstance(model, OpenAIModel)
    return model


@pytest.mark.parametrize("provider", REMOTE, ids=lambda one: one.name)
def test_a_remote_provider_wants_its_own_key(provider: Any) -> None:
    """The mend is one line, and names the variable; the key of another provider is not taken for it."""
    name = f"{provider.name}/maker/model"
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(None, name, {"OPENAI_API_KEY": KEY})
    assert caught.value.fix == f"Set {provider.key_variable}, or leave the model out to work offline."
    assert KEY not in str(caught.value)
    model = model_of(name, {provider.key_variable: KEY})
    assert model.name == name
    assert model.price is None
    assert provider.url.startswith("https://")
    assert KEY not in f"{model!r}{model.name}"


@pytest.mark.parametrize("provider", LOCAL, ids=lambda one: one.name)
def test_a_local_one_wants_none_and_costs_nothing(provider: Any) -> None:
    model = model_of(f"{provider.name}/any/thing:8b", {})
    assert model.name == f"{provider.name}/any/thing:8b"
    assert model.price == FREE


def test_the_key_and_the_place_come_from_the_environment() -> None:
    for name, constrains in (("groq/llama", True), ("deepseek/chat", False)):
        provider = name.partition("/")[0].upper()
        with serving(chat("{}")) as server:
            environ = {f"{provider}_API_KEY": KEY, f"{provider}_BASE_URL": server.url}
            model = model_of(name, environ)
            asyncio.run(model.respond(ASKED))
        path, headers, body = server.seen[0]
        assert path == "/v1/chat/completions"
        assert headers["authorization"] == f"Bearer {KEY}"
        assert body["model"] == name.partition("/")[2]
        assert ("response_format" in body) is constrains


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://localhost:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:9999", "http://127.0.0.1:9999/v1"),
        (":9999", "http://localhost:9999/v1"),
        ("gpu", "http://gpu:11434/v1"),
        ("192.168.0.7:1", "http://192.168.0.7:1/v1"),
        ("[::1]:1", "http://[::1]:1/v1"),
        ("http://gpu:1/", "http://gpu:1/v1"),
        ("https://gpu.example.com", "https://gpu.example.com:443/v1"),
        ("https://gpu.example.com/ollama/v1", "https://gpu.example.com:443/ollama/v1"),
    ],
)
def test_where_ollama_is(host: str, url: str) -> None:
    """OLLAMA_HOST as Ollama itself takes it."""
    assert PROVIDERS["ollama"].base_url({"OLLAMA_HOST": host}) == url
    assert PROVIDERS["ollama"].base_url({"OLLAMA_HOST": host, "OLLAMA_BASE_URL": "http://x/v1"}) == "http://x/v1"


def test_ollama_elsewhere_is_neither_free_nor_without_a_key() -> None:
    with pytest.raises(ModelUnavailable, match="no key"):
        choose_model(None, "ollama/llama3", {"OLLAMA_HOST": "https://ollama.com"})
    hosted = model_of("ollama/llama3", {"OLLAMA_HOST": "https://ollama.com", "OLLAMA_API_KEY": KEY})
    assert hosted.price is None
    assert model_of("ollama/llama3", {"OLLAMA_HOST": "gpu-box"}).price == FREE


def test_a_proxy_has_models_of_many_providers() -> None:
    """While OPENAI_BASE_URL is set, a provider without a key of its own is asked there."""
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:4000/v1", "OPENAI_API_KEY": "sk-1"}
    assert model_of("anthropic/claude", environ).name == "127.0.0.1:4000/anthropic/claude"
    assert model_of("anthropic/claude", {**environ, "ANTHROPIC_API_KEY": KEY}).name == "anthropic/claude"
    assert model_of("ollama/llama3", environ).name == "ollama/llama3"


def test_a_misspelt_provider_is_named() -> None:
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(None, "opnrouter/meta-llama/llama-4", {})
    assert "Did you mean 'openrouter'?" in caught.value.fix
