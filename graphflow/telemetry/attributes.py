"""What is told of a run: attributes of spans, by the GenAI semantic conventions, and our own (``graphflow.*``).

The conventions are in development: names of theirs may change, and nodes and approvals have none there yet.

By default these are names, numbers and codes. A name that comes from outside (a model's, as a provider tells it) is cut
to what a name can be. Texts are in functions of their own, which are called where a payload was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from pydantic_core import from_json, to_json

from graphflow.core.plan import Edge, Node, Plan
from graphflow.core.usage import Usage

Attributes: TypeAlias = dict[str, str | bool | int | float | list[str]]
Clear: TypeAlias = Callable[[str], str]
"""Takes the secrets of a run's state out of a text (S3.8)."""

_LONGEST_NAME = 200
_LONGEST_TEXT = 8_192
_LONGEST_STRUCTURE = 8_192
_MOST_MESSAGES = 64
_PROVIDERS = {"gemini": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai"}
"""Where the conventions have another name than we."""
_SETTINGS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "reasoning_effort": "gen_ai.request.reasoning.level",
}
_TOKENS = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}


def name_of(text: object) -> str:
    """A name as it may stand in a trace: printable, on one line, of bounded length.

    >>> name_of("gpt-5\\nX-Injected: 1")
    'gpt-5?X-Injected: 1'
    """
    return "".join(one if one.isprintable() else "?" for one in str(text)[:_LONGEST_NAME])


def text_of(text: object, clear: Clear = str) -> str:
    """A text of a payload, cut to a length that exporters take once it is clear of secrets.

    >>> text_of("the key is hunter2", lambda text: text.replace("hunter2", "***"))
    'the key is ***'
    """
    whole = clear(str(text))
    return whole if len(whole) <= _LONGEST_TEXT else whole[:_LONGEST_TEXT] + " …"


def json_of(value: object, clear: Clear = str) -> str:
    """A value of a payload as JSON. Secrets are taken out of each text in it, before that is quoted and escaped."""
    plain = from_json(to_json(value, fallback=repr, inf_nan_mode="strings"))
    return text_of(to_json(_cleared(plain, clear), inf_nan_mode="strings").decode(errors="replace"))


def _cleared(value: Any, clear: Clear) -> Any:
    if isinstance(value, str):
        return clear(value)
    if isinstance(value, list):
        return [_cleared(one, clear) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {clear(name): _cleared(one, clear) for name, one in cast("dict[str, object]", value).items()}
    return value


def workflow(plan: Plan) -> Attributes:
    """A graph that runs, or one within it."""
    return {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": name_of(plan.name)}


def structure(plan: Plan) -> str:
    """Nodes and edges as JSON: names and kinds, no conditions, as these hold values. Of a large graph only the counts.

    Whatever is left out, it is JSON.
    """
    nodes = [_node(node) for node in plan.nodes]
    names = [node["name"] for node in nodes]
    for told in ({"nodes": nodes, "edges": [_edge(edge, names) for edge in plan.edges]}, {"nodes": nodes}):
        text = to_json(told).decode()
        if len(text) <= _LONGEST_STRUCTURE:
            return text
    return to_json({"nodes": len(plan.nodes), "edges": len(plan.edges)}).decode()


def _node(node: Node) -> dict[str, str]:
    told = {"name": "FAIL" if node.kind == "fail" else node.name, "kind": node.kind}
    return told if node.graph is None else told | {"graph": node.graph.name}


def _edge(edge: Edge, names: Sequence[str]) -> dict[str, Any]:
    told = {"kind": edge.kind, "from": names[edge.source], "to": [names[target] for target in edge.targets]}
    return told if edge.join is None else told | {"join": names[edge.join]}


def usage(spent: Usage) -> Attributes:
    """The sums of a run or visit. A price that is not known is not told, rather than as zero (S13.1)."""
    found: Attributes = {f"graphflow.usage.{one}": value for one, value in _counts(spent).items() if value}
    if spent.usd is not None:
        found["graphflow.usage.usd"] = spent.usd
    return found


def _counts(spent: Usage) -> dict[str, int]:
    return {one: getattr(spent, one) for one in spent.__dataclass_fields__ if one != "usd"}


def asked(request: Any) -> tuple[str, Any]:
    """What a call is about, and before it the cursor it is made under, if it is made inside another call.

    >>> asked({"under": "write:1/critic:1", "asked": {"model": "scripted"}})
    ('write:1/critic:1', {'model': 'scripted'})
    """
    under = ""
    while isinstance(request, dict) and request.keys() == {"under", "asked"}:  # pyright: ignore[reportUnknownMemberType]
        wrapped = cast("dict[str, Any]", request)
        under, request = under or str(wrapped["under"]), wrapped["asked"]
    return under, cast("Any", request)


def chat(request: Mapping[str, Any]) -> Attributes:
    """A model call, as it begins."""
    provider, _, model = str(request.get("model", "")).partition("/")
    found: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": name_of(_PROVIDERS.get(provider, provider)),
        "gen_ai.request.model": name_of(model or provider),
    }
    settings: Mapping[str, Any] = request.get("settings", {})
    found |= {key: settings[one] for one, key in _SETTINGS.items() if settings.get(one) is not None}
    if request.get("output_schema") is not None:
        found["gen_ai.output.type"] = "json"
    return found


def answer(response: Mapping[str, Any]) -> Attributes:
    """A model call, as it has ended."""
    finish = "tool_calls" if response.get("tool_calls") else "stop"
    found: Attributes = {"gen_ai.response.finish_reasons": [finish]}
    if response.get("model"):
        found["gen_ai.response.model"] = name_of(response["model"])
    return found


def tokens(spent: Usage) -> Attributes:
    """What one model call has cost."""
    found: Attributes = {key: getattr(spent, one) for one, key in _TOKENS.items() if getattr(spent, one)}
    if spent.usd is not None:
        found["graphflow.usage.usd"] = spent.usd
    return found


def error(told: BaseException | Mapping[str, Any]) -> Attributes:
    """What failed, by class and code: not a word of what it says."""
    if isinstance(told, BaseException):
        kind, code = getattr(told, "type", None) or type(told).__name__, getattr(told, "code", None)
    else:
        kind, code = told.get("type", "_OTHER"), told.get("code")
    found: Attributes = {"error.type": name_of(kind)}
    if isinstance(code, str) and code.startswith("GF"):  # an HTTP or database error has codes of its own
        found["graphflow.error.code"] = name_of(code)
    return found


def message(told: BaseException | Mapping[str, Any], clear: Clear = str) -> str:
    """A payload: what an error says."""
    what = getattr(told, "what", None) or str(told) if isinstance(told, BaseException) else told.get("what", "")
    return text_of(what, clear)


def messages(request: Mapping[str, Any], clear: Clear = str) -> str:
    """A payload: what a model is told, the last messages of it."""
    last = request.get("messages", [])[-_MOST_MESSAGES:]
    return to_json([_message(one, clear) for one in last], fallback=repr).decode(errors="replace")


def output(response: Mapping[str, Any], clear: Clear = str) -> str:
    """A payload: what a model answers."""
    told = _message({"role": "assistant", **response}, clear)
    finish = cast("list[str]", answer(response)["gen_ai.response.finish_reasons"])[0]
    return to_json([told | {"finish_reason": finish}], fallback=repr).decode(errors="replace")


def _message(given: Mapping[str, Any], clear: Clear) -> dict[str, Any]:
    text = text_of(given.get("text", ""), clear)
    parts: list[dict[str, Any]] = []
    if given.get("role") == "tool":
        parts.append({"type": "tool_call_response", "id": given.get("call_id", ""), "response": text})
    elif text:
        parts.append({"type": "text", "content": text})
    for call in given.get("tool_calls", ()):
        arguments = text_of(call.get("arguments", "{}"), clear)
        parts.append({"type": "tool_call", "id": call.get("id", ""), "name": call["name"], "arguments": arguments})
    return {"role": given.get("role", "user"), "parts": parts}
