"""One task as one streamed call, with the SDK of the provider that serves it. The billing is in the wrapped SDK."""

import json
from collections.abc import AsyncIterator
from typing import Any

from anthropic import AsyncAnthropic
from billing_client import AsyncBillingClient
from google import genai
from google.genai import types
from openai import AsyncOpenAI

from local.simulation.tasks import Task

# Per speed: how many times faster than usual answers come, which keeps the long ones short, and how often they are
# reported. Reading events is what costs this process most.
_PACE = {1: 1, 10: 12, 60: 200}
_REPORT_SECONDS = {1: 1.0, 10: 0.5, 60: 0.4}
_ROLE = "You are a careful colleague. Say what you know and where you are unsure."
_SEARCH = {"type": "web_search_20250305", "name": "web_search"}


class Sdks:
    """The clients of the providers, metered by one agent's billing."""

    def __init__(self, billing: AsyncBillingClient, providers_url: str) -> None:
        self._billing = billing
        # The keys are for the local providers, which take any. No retries: each failure shall be seen.
        self._anthropic = AsyncAnthropic(api_key="local", base_url=f"{providers_url}/anthropic", max_retries=0)
        self._openai = AsyncOpenAI(api_key="local", base_url=f"{providers_url}/openai/v1", max_retries=0)
        options = types.HttpOptions(base_url=f"{providers_url}/google")
        self._google = genai.Client(api_key="local", http_options=options)

    async def stream(self, task: Task, speed: int) -> AsyncIterator[Any]:
        """Authorise and begin the call; its events. Raises what the billing client and the SDK raise."""
        headers = {"x-local-pace": str(_PACE[speed]), **({"x-local-fault": task.fault} if task.fault else {})}
        begin = {"anthropic": self._messages, "openai": self._responses, "google": self._content}
        return await begin[task.job.provider](task, headers, _options(task, speed))

    async def _messages(self, task: Task, headers: dict[str, str], options: dict[str, Any]) -> AsyncIterator[Any]:
        usage = {
            "cache_read_input_tokens": task.read,
            "cache_creation": {"ephemeral_5m_input_tokens": task.written, "ephemeral_1h_input_tokens": 0},
        }
        optional: dict[str, Any] = {"thinking": {"type": "adaptive"}} if task.reasoning else {}
        if task.job.searches:
            optional["tools"] = [{**_SEARCH, "max_uses": task.job.searches}]
        claude = self._billing.wrap(self._anthropic, **options)
        stream: Any = await claude.messages.create(
            model=task.job.model,
            max_tokens=task.limit,
            system=[{"type": "text", "text": _ROLE, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": _words(task)}],
            stream=True,
            extra_headers={**headers, **_script(task, task.fresh, usage)},
            **optional,
        )
        return aiter(stream)

    async def _responses(self, task: Task, headers: dict[str, str], options: dict[str, Any]) -> AsyncIterator[Any]:
        usage = {"input_tokens_details": {"cached_tokens": task.read}}
        stream: Any = await self._billing.wrap(self._openai, **options).responses.create(
            model=task.job.model,
            instructions=_ROLE,
            input=_words(task),
            max_output_tokens=task.limit,
            stream=True,
            extra_headers={**headers, **_script(task, task.prompt, usage)},
        )
        return aiter(stream)

    async def _content(self, task: Task, headers: dict[str, str], options: dict[str, Any]) -> AsyncIterator[Any]:
        usage = {"cachedContentTokenCount": task.read} if task.read else {}
        config = types.GenerateContentConfig(
            system_instruction=_ROLE,
            max_output_tokens=task.limit,
            http_options=types.HttpOptions(headers={**headers, **_script(task, task.prompt, usage)}),
        )
        gemini = self._billing.wrap(self._google.aio, **options)
        return aiter(
            await gemini.models.generate_content_stream(model=task.job.model, contents=_words(task), config=config)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._anthropic.close()
        await self._openai.close()
        await self._google.aio.aclose()


def _options(task: Task, speed: int) -> dict[str, Any]:
    tools = {"tools": {"web_search": task.job.searches}} if task.job.searches else {}
    return {"input_tokens": task.prompt, "report_seconds": _REPORT_SECONDS[speed], **tools}


def _words(task: Task) -> str:
    return f"Task {task.number}. {task.job.instruction}"


def _script(task: Task, input_tokens: int, usage: dict[str, Any]) -> dict[str, str]:
    """The counts that the local provider shall tell: the texts of such large prompts would only be carried around."""
    script = {"input_tokens": input_tokens, "output_tokens": task.output, "reasoning_tokens": task.reasoning}
    tools = {"tool_calls": {"web_search": task.job.searches}} if task.job.searches else {}
    return {"x-local-script": json.dumps({**script, **tools}), "x-local-usage": json.dumps(usage)}
