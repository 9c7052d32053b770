import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import types


@pytest.fixture(autouse=True)
def _forget(providers: str) -> None:
    """Each test begins without planted faults and without a journal."""
    httpx.post(f"{providers}/_local/reset").raise_for_status()


def headers(usage: dict[str, Any] | None = None, fault: str = "", pace: str = "1000", **script: Any) -> dict[str, str]:
    """The headers that script an answer."""
    found = {"x-local-pace": pace}
    if usage is not None:
        found["x-local-usage"] = json.dumps(usage)
    if fault:
        found["x-local-fault"] = fault
    if script:
        found["x-local-script"] = json.dumps(script)
    return found


@pytest.fixture
def openai_client(providers: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-local", base_url=f"{providers}/openai/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(providers: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sk-ant-local", base_url=f"{providers}/anthropic", max_retries=0) as client:
        yield client


@pytest.fixture
def google_client(providers: str) -> Iterator[genai.Client]:
    with genai.Client(api_key="AIza-local", http_options=types.HttpOptions(base_url=f"{providers}/google")) as client:
        yield client


@pytest.fixture
def journal(providers: str) -> Any:
    return lambda: httpx.get(f"{providers}/_local/requests").json()
