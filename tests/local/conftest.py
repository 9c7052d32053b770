import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import types


@pytest.fixture(scope="session")
def http(providers: str) -> Iterator[httpx.Client]:
    """A plain client of the providers' process: making one costs more than a call."""
    with httpx.Client(base_url=providers) as client:
        yield client


@pytest.fixture(autouse=True)
def _forget(http: httpx.Client) -> None:
    """Each test begins without planted faults and without a journal."""
    http.post("/_local/reset").raise_for_status()


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


@pytest.fixture(scope="session")
def openai_client(providers: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-local", base_url=f"{providers}/openai/v1", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_client(providers: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sk-ant-local", base_url=f"{providers}/anthropic", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def google_client(providers: str) -> Iterator[genai.Client]:
    with genai.Client(api_key="AIza-local", http_options=types.HttpOptions(base_url=f"{providers}/google")) as client:
        yield client


@pytest.fixture
def journal(http: httpx.Client) -> Any:
    return lambda: http.get("/_local/requests").json()
