"""The same question to each provider through its own SDK, whole or streamed."""

from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types

QUESTION: Any = [{"role": "user", "content": "What is left of the budget?"}]


def chat(client: openai.OpenAI, script: dict[str, str], **values: Any) -> Any:
    return client.chat.completions.create(model="gpt-5.2", messages=QUESTION, extra_headers=script, **values)


def responses(client: openai.OpenAI, script: dict[str, str], **values: Any) -> Any:
    return client.responses.create(model="gpt-5.2", input="What is left?", extra_headers=script, **values)


def messages(client: anthropic.Anthropic, script: dict[str, str], **values: Any) -> Any:
    return client.messages.create(
        model="claude-opus-4-6", max_tokens=400, messages=QUESTION, extra_headers=script, **values
    )


def content(client: genai.Client, script: dict[str, str], *, stream: bool = False) -> Any:
    ask = client.models.generate_content_stream if stream else client.models.generate_content
    config = types.GenerateContentConfig(http_options=types.HttpOptions(headers=script))
    return ask(model="gemini-2.5-flash", contents="What is left?", config=config)
