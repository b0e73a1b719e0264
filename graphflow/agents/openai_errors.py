"""The client's several kinds of failure as one hierarchy (GF4xx).

Measured with openai 3.52: statuses are classes of its own, a damaged body is a raw JSONDecodeError, a cut connection
is one of the HTTP library's errors if it happens late. What the provider says is kept in ``why``, keys taken out.
"""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from graphflow.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    QuotaExhausted,
    RateLimited,
    ServerError,
)
from graphflow.graph.cutting import cut

_NO_CREDIT = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"}
)
_FILTERED = frozenset({"content_filter", "content_policy_violation", "image_content_policy_violation", "bio_policy"})
_TOO_LONG_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "exceed_context_size_error"})
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|maximum context|too many (?:input )?tokens|prompt is too long|input is too long",
    re.IGNORECASE,
)
_KEYS = re.compile(
    r"\b(?:(?:sk|pk|key)-|(?:gsk|hf|csk|fw|r8)_|(?:xai|nvapi|csk)-|AIza)[\w*.-]{6,}|(?<=Bearer )\S+", re.IGNORECASE
)
"""What the keys of providers look like: a server may name another one than it was given."""
_LOGIN = re.compile(r"//[^/@\s]+@")
_STATUS_OF = {
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "billing_error": 402,
    "too_many_requests": 429,
    "timeout": 408,
    "timeout_error": 408,
    "request_timeout": 408,
    "server_error": 500,
    "internal_error": 500,
}
"""Codes and types of error objects that come without a status."""
_LONGEST_MESSAGE = 500  # characters of what a provider says


def from_client(error: Exception, model: str, key: str | None) -> ModelError:
    """What an exception out of the client means. ``key`` is taken out of every text."""
    import httpx2
    import openai

    said = without_keys(str(error), key)
    cause = _cause(error)
    is_timeout = isinstance(error, openai.APITimeoutError | httpx2.TimeoutException)
    if is_timeout and (cause is error or isinstance(cause, TimeoutError | httpx2.TimeoutException)):
        return ModelTimeout(f"{model} did not answer in time", why=said, fix="Raise timeout_s, or ask for less.")
    if isinstance(error, openai.APIStatusError):
        return from_status(error.status_code, error.body, error.response.headers, model, key)
    if isinstance(error, httpx2.DecodingError) or isinstance(cause, httpx2.DecodingError):
        return bad_response(model, f"The body cannot be read: {without_keys(str(cause), key)}")
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError | OSError) or _is_of_aiohttp(cause):
        return ConnectionFailed(
            f"{model} cannot be reached",
            why=without_keys(f"{type(cause).__name__}: {cause}".removesuffix(": "), key),
            fix="Is the server running, and the base URL right?",
        )
    if isinstance(error, openai.APIError | httpx2.HTTPError | ValueError):
        return bad_response(model, f"The body cannot be read: {said}")  # a raw JSONDecodeError is a ValueError
    if isinstance(error, openai.OpenAIError):
        return ModelUnavailable(f"{model} cannot be asked", why=said, fix="Give api_key= and base_url= as needed.")
    return BadResponse(f"The client of {model} failed", why=f"{type(error).__name__}: {said}")


def _cause(error: Exception) -> BaseException:
    """What the HTTP library says happened. aiohttp knows better than what its errors are called on the way.

    A connection that the server closes comes as a timeout, and a response that is no HTTP under no name at all.
    """
    seen: BaseException | None = error
    while seen is not None:
        if _is_of_aiohttp(seen):
            return seen
        seen = seen.__cause__
    return error.__cause__ or error


def _is_of_aiohttp(error: BaseException) -> bool:
    return type(error).__module__.startswith("aiohttp")  # which need not be installed


def from_status(status: int, body: object, headers: Mapping[str, str], model: str, key: str | None) -> ModelError:
    """The error of a response with an error status, or of an error object inside a response."""
    codes, said = _codes_and_message(body, key)
    if status == 402 or not _NO_CREDIT.isdisjoint(codes):
        return QuotaExhausted(
            f"The account for {model} has no credit left", why=said, fix="Waiting cannot help: top it up."
        )
    if status == 429:
        wait = retry_after_s(headers)
        told = "" if wait is None else f" The provider asks to wait {wait:g} s."
        return RateLimited(f"{model} gets too many requests", why=said + told, retry_after_s=wait)
    if status in (401, 403):
        return AuthError(
            f"{model} refuses the key ({status})", why=said, fix="Check the key and what it is allowed to do."
        )
    if not _FILTERED.isdisjoint(codes):
        return ContentFiltered(f"The provider's filter withheld the answer of {model}", why=said)
    if status == 413 or not _TOO_LONG_CODES.isdisjoint(codes) or (status < 500 and _TOO_LONG.search(said)):
        fix = "Trim fields in the prompt, as in {draft:2000}."
        return ContextTooLong(f"The request is longer than {model} can read", why=said, fix=fix)
    if status == 408:
        return ModelTimeout(f"{model} did not answer in time", why=said, retry_after_s=retry_after_s(headers))
    if status >= 500 or status == 409:
        return ServerError(f"The server of {model} failed ({status})", why=said, retry_after_s=retry_after_s(headers))
    fix = "Check the name of the model and the base URL." if status == 404 else ""
    return BadRequest(f"{model} refuses the request ({status})", why=said, fix=fix)


def from_error_object(body: object, model: str, key: str | None) -> ModelError:
    """The error of an ``error`` object that came with status 200: amid a stream, or in a response that failed."""
    codes, said = _codes_and_message(body, key)
    for code in codes:
        status = _status_meant(code)
        if status is not None:
            return from_status(status, body, {}, model, key)
    return ServerError(f"The server of {model} failed", why=said)


def _status_meant(code: str) -> int | None:
    """The status that an error's code would have come with, None if it says nothing of that."""
    if code.isdigit():
        return int(code) if 400 <= int(code) < 600 else None
    if code in _STATUS_OF:
        return _STATUS_OF[code]
    if "rate_limit" in code:
        return 429
    is_request = code.startswith("invalid") or code in _NO_CREDIT | _FILTERED | _TOO_LONG_CODES or "policy" in code
    return 400 if is_request else None


def only_one(body: object) -> object:
    """What is in a list of one, as some servers send their error objects; else what was given."""
    if not isinstance(body, list):
        return body
    listed = list(cast("Sequence[object]", body))
    return listed[0] if len(listed) == 1 else listed


def bad_response(model: str, why: str) -> BadResponse:
    """A response that is none."""
    return BadResponse(f"The response of {model} is damaged", why=why)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from the headers: milliseconds, seconds, or a date (against the server's own clock)."""
    for header, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            wait = float(headers.get(header, "")) * factor
        except ValueError:
            continue
        if math.isfinite(wait):
            return max(0.0, wait)
    due, now = _date(headers.get("retry-after")), _date(headers.get("date"))
    return None if due is None or now is None else max(0.0, due - now)


def _date(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def without_keys(text: str, key: str | None) -> str:
    """A text with the key, whatever looks like one, and who asks by an URL, taken out, and cut to a message's length."""
    if key:
        text = text.replace(key, "[key]")
    return cut(_KEYS.sub("[key]", _LOGIN.sub("//", text)), _LONGEST_MESSAGE)


def _codes_and_message(body: object, key: str | None) -> tuple[tuple[str, ...], str]:
    """What an error body says, whatever its shape: its code and type, the narrower first, and its message."""
    body = only_one(body)
    if not isinstance(body, dict):
        return (), "" if body is None else without_keys(str(body), key)
    given = cast("dict[str, Any]", body)
    inner = given.get("error") or given
    if not isinstance(inner, dict):
        return (), without_keys(str(inner), key)
    found = cast("dict[str, Any]", inner)
    codes = tuple(str(code) for name in ("code", "type") if (code := found.get(name)))
    said = found.get("message") or found.get("detail") or ""
    return codes, without_keys(str(said), key)
