"""Half an emoji in a provider's answer: it is settled as it came. All else in a body is judged as strictly as ever."""

import json
from typing import Any

import pytest

from common.problems import InvalidFields, Malformed
from metering.requests import Authorise, Settle, decode
from tests.api import Api
from tests.factories import Tenant, make_model
from tests.metering.figures import one, verified

USAGE = b'"usage": {"prompt_tokens": 10, "completion_tokens": 1}'


def answer(text: bytes, more: bytes = b"") -> bytes:
    return b'{"provider_response": {"choices": [{"text": "%s"}], %s}%s}' % (text, USAGE, more)


def text_of(body: bytes) -> str:
    response: Any = decode(Settle, body).provider_response
    text: str = response["choices"][0]["text"]
    return text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"\ud83d", "\ufffd"),
        (rb"a\uDE00b", "a\ufffdb"),
        (rb"\ud83d\u0041", "\ufffdA"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\ud83d\ude00\ude00", "😀\ufffd"),
        (rb"\\ud83d\ud83d", r"\ud83d" + "\ufffd"),  # a backslash and five letters, then half a pair
        (rb"\\\ud83d\"", '\\\ufffd"'),
        (rb"\ud83d\\ude00", "\ufffd" + r"\ude00"),
        (rb"\ud83d\ude00\n\\ud83d", "😀\n" + r"\ud83d"),
    ],
)
def test_only_halves_are_replaced(written: bytes, read: str) -> None:
    assert text_of(answer(written)) == read


@pytest.mark.parametrize(
    "body",
    [
        answer(rb"\ud83d", b', "model": "\\ud83d"'),
        answer(rb"\ud83d", b', "\\ud83d": 1'),
        answer(rb"\ud83d", b', "status": "failed", "status": "failed"'),
        b'{"provider_response": {"a\\ud83d": 1, "b": 1, "b": 2}}',
        answer(b"\\ud83d\xed\xa0\xbd"),
        answer(b"\\ud83d\xff"),
        answer(rb"\ud83d\q"),
        answer(rb"\ud83"),
        answer(rb"\ud83d", b', "status": NaN'),
        answer(rb"\ud83d")[:-1],
        answer(rb"\ud83d") + b"x",
        b'{"provider_response": ' + b"[" * 10_000 + rb'"\ud83d"' + b"]" * 10_000 + b"}",
        rb'["\ud83d"]',
        rb'"\ud83d"',
    ],
)  # fmt: skip
def test_what_else_is_wrong_stays_wrong(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode(Settle, body)


def test_fields_are_judged_as_ever() -> None:
    with pytest.raises(InvalidFields):
        decode(Settle, answer(rb"\ud83d", b', "unknown": 1'))
    with pytest.raises(Malformed):
        decode(Authorise, rb'{"provider": "\ud83d"}')


@pytest.mark.parametrize("code", [0xD83D, 0xDE00])
def test_an_answer_with_half_a_character_is_settled(tenant: Tenant, api: Api, code: int) -> None:
    half = chr(code)
    make_model({"input": "3", "output": "15"}, provider="anthropic")
    call = api.authorise(provider="anthropic", input_tokens=10, max_output_tokens=10).json()["id"]
    usage = {"input_tokens": 1, "output_tokens": 1, half: 1}
    message = {"type": "message", "model": "model", "stop_reason": "end_turn", "usage": usage}
    body = json.dumps({"provider_response": message | {"content": [{"type": "text", "text": half}]}})
    first, again = (api.send("POST", f"authorisations/{call}/settle", body, key="half") for _ in range(2))
    assert (first.status_code, first.json()["charged"], first.json()["estimated"]) == (200, "0.000018000", False)
    assert first.content == again.content
    assert one("SELECT count(*) FROM metering_usagerecord") == (1,)
    verified()
