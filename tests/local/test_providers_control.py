"""Planted faults and the journal, and the process as a whole."""

import signal
import socket
import subprocess
import sys
import time
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai

from billing_portal.paths import repository
from tests.local.asking import chat, content, messages
from tests.local.conftest import headers
from tests.processes.running_system import free_port


def plant(http: httpx.Client, **fault: Any) -> int:
    return http.post("/_local/faults", json=fault).status_code


def test_a_planted_fault_befalls_so_many_requests_of_its_provider(
    http: httpx.Client, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    assert plant(http, fault="429", provider="openai", times=2) == 204
    assert messages(anthropic_client, headers()).stop_reason
    for _ in range(2):
        with pytest.raises(openai.RateLimitError):
            chat(openai_client, headers())
    assert chat(openai_client, headers()).usage


def test_a_fault_of_answers_waits_for_an_answer(http: httpx.Client, openai_client: openai.OpenAI) -> None:
    assert plant(http, fault="no_usage") == 204
    assert list(openai_client.models.list())
    assert chat(openai_client, headers()).usage is None
    assert chat(openai_client, headers()).usage


def test_a_fault_with_a_probability_befalls_the_same_requests_for_the_same_seed(
    http: httpx.Client, google_client: genai.Client
) -> None:
    runs = []
    for _ in range(2):
        http.post("/_local/reset")
        assert plant(http, fault="no_usage", provider="google", probability=0.5, seed=3) == 204
        runs.append([content(google_client, headers()).usage_metadata is None for _ in range(12)])
    assert runs[0] == runs[1]
    assert 1 < sum(runs[0]) < 11


@pytest.mark.parametrize(
    "planting",
    [
        {},
        {"fault": "nonsense"},
        {"fault": "500", "provider": "aws"},
        {"fault": "500", "times": 0},
        {"fault": "500", "x": 1},
    ],
)
def test_a_planting_that_makes_no_sense_is_refused(http: httpx.Client, planting: dict[str, Any]) -> None:
    assert plant(http, **planting) == 400


def test_the_journal_tells_what_was_asked_and_answered(openai_client: openai.OpenAI, journal: Any) -> None:
    answer = chat(openai_client, headers(output_tokens=90), max_completion_tokens=60)
    [entry] = journal()
    assert entry["path"] == "/openai/v1/chat/completions"
    assert (entry["model"], entry["limit"], entry["stream"]) == ("gpt-5.2", 60, False)
    assert answer.id == f"chatcmpl-{entry['response_id']}"
    assert (entry["sent_tokens"], entry["usage"]["completion_tokens"], entry["ended"]) == (60, 60, "complete")
    with pytest.raises(openai.RateLimitError):
        chat(openai_client, headers(fault="429"))
    assert [(e["status"], e["fault"], e["ended"]) for e in journal()][1:] == [(429, "429", "refused")]


def test_a_caller_who_goes_away_ends_the_stream(openai_client: openai.OpenAI, journal: Any) -> None:
    with chat(openai_client, headers(pace="1", output_tokens=600), stream=True) as stream:
        for _, _chunk in zip(range(5), stream, strict=False):
            pass
    deadline = time.monotonic() + 3
    while journal()[0]["ended"] != "cancelled":
        assert time.monotonic() < deadline, journal()
        time.sleep(0.05)
    assert journal()[0]["sent_tokens"] < 300


def test_it_starts_soon_and_ends_at_once_though_it_streams() -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    begun = time.monotonic()
    command = [sys.executable, "-m", "local.providers", "--port", str(port)]
    process = subprocess.Popen(command, cwd=repository(), stderr=subprocess.PIPE, text=True)
    try:
        while not answers(port):
            assert time.monotonic() < begun + 6, "alone on a machine it takes 0.2 s"
            time.sleep(0.02)
        with openai.OpenAI(api_key="sk-local", base_url=f"{base}/openai/v1", max_retries=0) as client:
            stream = chat(client, headers(pace="1", output_tokens=2000), stream=True)
            next(iter(stream))
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait(5)
            assert time.monotonic() - asked < 3
            stream.close()
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
