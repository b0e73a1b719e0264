"""A model client of AutoGen that asks the functions which stand for models. Put before its block by shown.py."""

from __future__ import annotations

from typing import Any

from autogen_core.models import ChatCompletionClient, CreateResult, ModelFamily, RequestUsage


class Fake(ChatCompletionClient):
    async def create(self, messages: Any, **_: Any) -> CreateResult:
        said = messages[-1].content
        if "APPROVE" in messages[0].content:
            score, comments = ask_critic(said)  # noqa: F821
            text = "APPROVE" if score >= 7 else comments
        else:
            text = ask_writer(said, [])  # noqa: F821
        return CreateResult(finish_reason="stop", content=text, usage=RequestUsage(0, 0), cached=False)

    def create_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        pass

    def actual_usage(self) -> RequestUsage:
        return RequestUsage(0, 0)

    def total_usage(self) -> RequestUsage:
        return RequestUsage(0, 0)

    def count_tokens(self, *_: Any, **__: Any) -> int:
        return 0

    def remaining_tokens(self, *_: Any, **__: Any) -> int:
        return 100_000

    @property
    def capabilities(self) -> Any:
        return self.model_info

    @property
    def model_info(self) -> Any:
        can = {"vision": False, "function_calling": True, "json_output": True, "structured_output": True}
        return {**can, "family": ModelFamily.UNKNOWN}


model = Fake()
