"""Which model answers (models.md: without a key, honestly), and scripts that are strict."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graphflow.errors import ModelUnavailable, ScriptMismatch
from graphflow.models import (
    FREE,
    Model,
    OfflineModel,
    OpenAIModel,
    Request,
    Response,
    ScriptedModel,
    Tool,
    ToolCall,
    choose_model,
    tool_call,
)

KEY = {"OPENAI_API_KEY": "sk-1"}
MINE = ScriptedModel([], name="mine")
RUN = ScriptedModel([], name="run")


@pytest.mark.parametrize(
    ("agent", "run", "environ", "name"),
    [
        (MINE, RUN, {"GRAPHFLOW_MODEL": "ollama/l"}, "mine"),
        (None, RUN, {"GRAPHFLOW_MODEL": "ollama/l"}, "run"),
        ("offline", RUN, KEY, "offline:extractive"),
        (None, "offline:extractive", KEY, "offline:extractive"),
        (None, None, {"GRAPHFLOW_MODEL": "ollama/llama3", "OPENAI_DEFAULT_MODEL": "gpt-5", **KEY}, "ollama/llama3"),
        (None, None, {"GRAPHFLOW_MODEL": "", "OPENAI_DEFAULT_MODEL": "gpt-5", **KEY}, "openai/gpt-5"),
        (None, None, {"OPENAI_DEFAULT_MODEL": "gpt-5"}, "offline:extractive"),
        (None, None, KEY, "offline:extractive"),
        (None, None, {}, "offline:extractive"),
        ("openai/gpt-5", None, KEY, "openai/gpt-5"),
        ("gpt-5", None, KEY, "openai/gpt-5"),
        ("vllm/any/thing", None, {}, "vllm/any/thing"),
        ("meta/llama", None, {"OPENAI_BASE_URL": "http://localhost:9/v1"}, "localhost:9/meta/llama"),
        (None, None, {"OPENAI_DEFAULT_MODEL": "m", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "127.0.0.1:9/m"),
    ],
)
def test_the_order_of_choice(
    agent: Any, run: Any, environ: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    assert choose_model(agent, run, environ).name == name


@pytest.mark.parametrize("name", ["openai/gpt-5", "gpt-5"])
def test_an_explicit_remote_model_without_a_key_is_a_mistake_with_a_mend(name: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(None, name, {})
    assert caught.value.fix == "Set OPENAI_API_KEY, or leave the model out to work offline."
    with pytest.raises(ModelUnavailable):
        choose_model(OpenAIModel("gpt-5"), None, {})


@pytest.mark.parametrize("name", ["olama/llama3", "ollama/", "/x", " ", 7, OfflineModel])
def test_what_is_no_model_is_refused(name: Any) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(None, name, {})
    assert caught.value.fix
    if name == "olama/llama3":
        assert "Did you mean 'ollama'?" in caught.value.fix


def test_a_local_model_costs_nothing_and_others_what_nobody_knows() -> None:
    """S13.1."""
    local, remote = choose_model(None, "ollama/llama3", {}), choose_model(None, "gpt-5", KEY)
    assert isinstance(local, OpenAIModel)
    assert isinstance(remote, OpenAIModel)
    assert local.price == FREE
    assert remote.price is None


def asked(model: Model, times: int = 1) -> list[Response]:
    async def main() -> list[Response]:
        return [await model.respond(Request(())) for _ in range(times)]

    return asyncio.run(main())


def test_a_script_gives_text_data_calls_and_errors_in_order() -> None:
    with ScriptedModel(
        ["text", {"a": 1}, [1, 2], tool_call("f", x=1), [ToolCall("f"), ToolCall("g", id="mine")]]
    ) as model:
        texts = asked(model, 5)
    assert [one.text for one in texts] == ["text", '{"a":1}', "[1,2]", "", ""]
    assert texts[3].tool_calls == (ToolCall("f", '{"x":1}', "call_4_1"),)
    assert [call.id for call in texts[4].tool_calls] == ["call_5_1", "mine"]
    assert texts[0].usage.model_calls == 1
    assert texts[0].usage.usd == 0.0
    with pytest.raises(KeyError):
        asked(ScriptedModel([KeyError("x")]))


def test_a_script_is_strict() -> None:
    with pytest.raises(ScriptMismatch, match="this is call 2"):
        asked(ScriptedModel(["one"]), 2)
    with pytest.raises(ScriptMismatch, match="1 of 1 answer of"), ScriptedModel(["one"]):
        pass
    with pytest.raises(KeyError), ScriptedModel(["one"]):
        raise KeyError("an error of the test's own is not hidden")
    with pytest.raises(ScriptMismatch, match="list of answers"):
        ScriptedModel("one")


def test_a_script_may_be_a_function() -> None:
    async def later(request: Request) -> str:
        return f"{len(request.messages)} messages"

    assert asked(ScriptedModel(lambda request: "now"), 2)[1].text == "now"
    assert asked(ScriptedModel(later))[0].text == "0 messages"


@pytest.mark.parametrize(
    ("name", "environ", "fix"),
    [
        ("offlin", {}, "Did you mean 'offline'?"),
        ("Offline", KEY, "Did you mean 'offline'?"),
        ("olama", KEY, "Did you mean 'ollama/...'?"),
        ("scripted", {}, "model=ScriptedModel(...)"),
        ("my-own", {}, "'openai/my-own'"),
    ],
)
def test_a_misspelt_name_is_no_question_of_keys(name: str, environ: dict[str, str], fix: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        choose_model(None, name, environ)
    assert fix in caught.value.fix
    assert "no key" not in caught.value.what


def test_a_name_that_looks_like_one_of_openais_only_needs_its_key() -> None:
    for name in ("gpt-5", "o3", "ft:gpt-4o:mine"):
        assert choose_model(None, name, KEY).name == f"openai/{name}"
        with pytest.raises(ModelUnavailable, match="no key"):
            choose_model(None, name, {})
    assert choose_model(None, "my-own", KEY).name == "openai/my-own"
    assert choose_model(None, "offlin", {"OPENAI_BASE_URL": "http://localhost:1/v1"}).name == "localhost:1/offlin"


def test_tools_are_offered_where_models_are() -> None:
    import graphflow.models

    assert graphflow.models.Tool is Tool


def test_agents_that_name_the_same_model_share_it() -> None:
    """Else each would open connections of its own at every performance."""
    environ = {"OPENAI_API_KEY": "sk-one", "GROQ_API_KEY": "gsk-one"}
    for name in ("openai/gpt-5", "gpt-5", "groq/llama", "ollama/llama3"):
        assert choose_model(name, None, environ) is choose_model(None, name, environ)
    other = {"OPENAI_API_KEY": "sk-two"}
    assert choose_model("gpt-5", None, environ) is not choose_model("gpt-5", None, other)
