"""A model of the OpenAI Agents SDK that asks the functions which stand for models. Put before its block by shown.py."""

from __future__ import annotations

import json
from typing import Any

from agents import Model, ModelResponse, Usage, set_tracing_disabled
from openai.types.responses import ResponseOutputMessage, ResponseOutputText

set_tracing_disabled(True)


class Fake(Model):
    async def get_response(self, system_instructions: str | None, input: Any, *_: Any, **__: Any) -> ModelResponse:  # noqa: A002
        said = input if isinstance(input, str) else input[-1]["content"]
        if "Score" in (system_instructions or ""):
            score, comments = ask_critic(said)  # noqa: F821
            text = json.dumps({"score": score, "comments": comments})
        else:
            text = ask_writer(said, [])  # noqa: F821
        content = [ResponseOutputText(text=text, type="output_text", annotations=[])]
        message = ResponseOutputMessage(id="m", role="assistant", status="completed", type="message", content=content)
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


model = Fake()
