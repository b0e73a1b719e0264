"""GF4xx: agents, tools and models. One hierarchy for every model provider, because the clients have none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from graphflow.errors.base import CODES, Code, GraphflowError, Place


class ModelError(GraphflowError):
    """A model call failed. ``retryable`` says whether trying again can help.

    ``response_started`` is True if part of an answer had already arrived (it is thrown away, also if it was shown). ``usage`` is what the
    call cost all the same (a Usage), None if nothing is known of it.
    """

    code = "GF400"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        fix: str = "",
        where: Iterable[Place] = (),
        retry_after_s: float | None = None,
        response_started: bool = False,
        usage: Any = None,
    ) -> None:
        super().__init__(what, why=why, fix=fix, where=where)
        self.retry_after_s = retry_after_s
        self.response_started = response_started
        self.usage = usage


class RateLimited(ModelError):
    """429: too many requests. ``retry_after_s`` is a lower bound for the next try."""

    code = "GF401"
    retryable = True


class QuotaExhausted(ModelError):
    """429 with ``insufficient_quota``: trying again is hopeless until somebody pays."""

    code = "GF402"


class BadResponse(ModelError):
    """The answer is no valid response: truncated body, no choices, a stream cut off."""

    code = "GF403"
    retryable = True


class ServerError(ModelError):
    """5xx, or an error event inside a stream."""

    code = "GF404"
    retryable = True


class ModelTimeout(ModelError):
    """No answer within the time allowed."""

    code = "GF405"
    retryable = True


class ConnectionFailed(ModelError):
    """The server cannot be reached, or dropped the connection."""

    code = "GF406"
    retryable = True


class AuthError(ModelError):
    """401 or 403: the key is wrong, missing, or not allowed to."""

    code = "GF407"


class BadRequest(ModelError):
    """400: the server refuses the request as it is."""

    code = "GF408"


class ContextTooLong(BadRequest):
    """The request is longer than the model can read."""

    code = "GF409"


class Truncated(ModelError):
    """The answer hit the output limit before it was complete."""

    code = "GF410"


class ContentFiltered(ModelError):
    """The provider's filter withheld the answer."""

    code = "GF411"


class Refused(ModelError):
    """The model declined to answer."""

    code = "GF412"


class OutputInvalid(ModelError):
    """The answer does not validate against the agent's output type, also after asking again."""

    code = "GF413"


class TurnsExhausted(ModelError):
    """The agent used all its turns without a final answer."""

    code = "GF414"


class ModelUnavailable(ModelError):
    """The model that was named cannot be used here: no key, no client installed, unknown provider."""

    code = "GF415"


class ScriptMismatch(ModelError):
    """A scripted model got a call it has no answer for, or has answers nobody asked for."""

    code = "GF416"


class InputTooLong(ModelError):
    """The agent's input is over its own ``max_input_tokens``; nothing was sent."""

    code = "GF417"


class LimiterInvalid(GraphflowError):
    """A limiter was made with bounds that are none."""

    code = "GF430"


class CassetteInvalid(ModelUnavailable):
    """A cassette cannot be used: missing, damaged, of another kind, or of a newer version."""

    code = "GF431"


class CassetteMismatch(ModelError):
    """A ReplayModel was asked what its cassette has no answer for, or the cassette has answers nobody asked for."""

    code = "GF432"


class PromptInvalid(GraphflowError):
    """A prompt names a field that does not exist, or cannot be parsed."""

    code = "GF420"


class ToolInvalid(GraphflowError):
    """A tool cannot be offered: no annotations, a duplicate or invalid name, a type without a schema."""

    code = "GF421"


class ToolFailed(GraphflowError):
    """A tool raised, or its arguments did not validate."""

    code = "GF422"


class GuardrailTripped(GraphflowError):
    """A guardrail stopped an agent, a node or an edge. No ``ModelError``, never retried.

    ``guardrail`` is its name and ``of`` what it guards: ``node 'write'``, ``the edge write -> send``.
    """

    code = "GF423"
    retryable: ClassVar[bool] = False

    def __init__(
        self, what: str, *, guardrail: str = "", of: str = "", why: str = "", fix: str = "", where: Iterable[Place] = ()
    ) -> None:
        super().__init__(what, why=why, fix=fix, where=where)
        self.guardrail = guardrail
        self.of = of


CODES.update(
    {
        "GF400": Code("A model call failed", "The call failed in a way no narrower code covers."),
        "GF401": Code(
            "Rate limited",
            "The provider answered 429. An agent node tries again by its Retry policy and waits at least as long as "
            "the provider's Retry-After says.",
        ),
        "GF402": Code("Quota exhausted", "The account has no credit left. Not retried, since waiting cannot help."),
        "GF403": Code(
            "The response is damaged",
            "The body was truncated, empty, of the wrong shape, or a stream ended without a finish reason. Retried.",
        ),
        "GF404": Code("The server failed", "The provider answered 5xx or sent an error inside a stream. Retried."),
        "GF405": Code("The model took too long", "No answer within the time allowed. Retried."),
        "GF406": Code("No connection", "The server cannot be reached or dropped the connection. Retried."),
        "GF407": Code("Not authorised", "401 or 403. Check the key and what it is allowed to do. Not retried."),
        "GF408": Code("The request was refused", "400. The message of the provider says why. Not retried."),
        "GF409": Code(
            "The context is too long",
            "Prompt, tools and history together are longer than the model reads. Trim fields in the prompt, "
            "as in {draft:2000}.",
        ),
        "GF410": Code("The answer was cut off", "The output limit was reached. Raise it, or ask for less."),
        "GF411": Code("The answer was filtered", "The provider's content filter withheld the answer."),
        "GF412": Code("The model refused", "The model declined to answer. The refusal is in `why`."),
        "GF413": Code(
            "The output is invalid",
            "The answer did not validate against the agent's output type. The model was told why and asked again "
            "within max_turns; it never passed on anything invalid.",
        ),
        "GF414": Code("Out of turns", "The agent used max_turns without giving a final answer."),
        "GF415": Code(
            "The model cannot be used here",
            "A remote model was named, but no key, no client or no such provider is there. A provider's key stands in "
            "its usual variable: OPENAI_API_KEY, GROQ_API_KEY, OPENROUTER_API_KEY. Without a model named at all "
            "graphflow works offline.",
        ),
        "GF416": Code(
            "The script does not match",
            "A ScriptedModel is strict, and so is a FakeOpenAI: an unexpected call and an unused answer are errors. The "
            "server also refuses what a real one would, such as a tool's call that is never answered.",
        ),
        "GF417": Code("The input is too long", "The agent's own max_input_tokens is exceeded; nothing was sent."),
        "GF430": Code(
            "A limiter's bounds are invalid",
            "A Limiter lets the calls of a model through: `Limiter(first_at_once=20, most_at_once=1_000)`. Its window has "
            "whole numbers of calls, at least 1; `longest_pause_s` is in seconds.",
        ),
        "GF431": Code(
            "The cassette cannot be used",
            "A ReplayModel answers from a cassette, a JSON file of recorded requests and answers. It is made by running "
            "once with `ReplayModel(path, records=OpenAIModel(...))` and GRAPHFLOW_RECORD=1; afterwards nothing goes out. "
            "A file that is missing, damaged, no cassette, or written by a newer graphflow is refused, never guessed at.",
        ),
        "GF432": Code(
            "The cassette does not match",
            "A ReplayModel never goes live: a request that was not recorded is an error, which shows how it differs from "
            "the nearest recording. A prompt, a tool or the output's type has changed, or the graph took another way. If "
            "that is meant, record again with GRAPHFLOW_RECORD=1. Used with `with`, it also finds answers nobody asked for.",
        ),
        "GF420": Code("A prompt is invalid", "A prompt names fields of the state in braces; {{ and }} are braces."),
        "GF421": Code(
            "A tool cannot be offered", "Tools are typed Python functions with unique names, and return no secrets."
        ),
        "GF422": Code("A tool failed", "The model is told in general terms; the exception's text is kept from it."),
        "GF423": Code(
            "A guardrail tripped",
            "A guardrail is a function that returns None when all is well, or a text that says what is wrong. It sits on "
            'an agent, a node or an edge: `guardrails=[no_names]`, or `Guardrail(no_names, on="input")` to be asked '
            "before anything is sent. One that raises, or answers with anything else, stops the node as well: in doubt "
            "nothing passes. Nothing of the node's result reaches the state, and it is never retried; the way out is "
            "`graph.edge(write, apologise, on_error=GuardrailTripped)` (S8.4).",
        ),
    }
)
