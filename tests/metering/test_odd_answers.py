"""No JSON that a caller sends as a provider's answer breaks a settlement: it is charged, or refused by a 4xx."""

import itertools
import json

from tests.api import Api
from tests.factories import Tenant, make_model
from tests.metering.figures import one, verified

USAGE = '"usage":{"input_tokens":1,"output_tokens":1%s}'


def usage(more: str = "", beside: str = "") -> str:
    return "{" + beside + USAGE % more + "}"


NAMES = [r"\\u0000", r"\\", r"\\\\u0000", r"\"", r"\u2028", r"\ud83d\ude00", r"é", r"\u0000", r"\ud800", r"a\nb"]
BODIES = [
    *(usage(beside=f'"{place}":"{name}",') for name in NAMES for place in ("model", "id", "type", "service_tier")),
    *(usage(f',"{name}":"{name}","service_tier":"{name}"') for name in NAMES),
    *(usage(f',"iterations":[{{"type":"advisor_message","model":"{name}"}}]') for name in NAMES),
    *(usage(f',"{name}":{{"{name}":"{name}"}}') for name in NAMES),
    usage(',"a":1e-5000,"b":1e308,"c":123456789012345678901234567890,"d":-0.0'),
    usage(',"a":' + '{"a":' * 900 + "1" + "}" * 901)[:-1],
    usage(f',"a":{"9" * 4000}'),
    usage(f',"a":{"9" * 5000}'),
    usage(',"cache_creation":{"\\u0000_input_tokens":1}'),
    '{"usage":{"input_tokens":1e400,"output_tokens":1}}',
    '{"usage":{"input_tokens":1e308,"output_tokens":1}}',
    '{"usage":{"input_tokens":1.0,"output_tokens":1}}',
    "[" * 5000 + "]" * 5000,
    "[]", "[[]]", "[{}]", "null", "true", "5", "1e999", '""', '"\\ud800"', "{}",
    '{"usage":[]}', '{"usage":{}}', '{"usage":null}', '{"error":[]}', '{"error":"\\u0000"}',
    '{"error":{"message":"\\ud800"}}',
    '{"type":["a"],"usage":{"input_tokens":1,"output_tokens":1,"service_tier":{"a":1}}}',
    '{"choices":[{"delta":5,"message":{"content":[1,{"text":5}],"tool_calls":"x"},"index":[1]}],"error":[]}',
    '{"choices":[{"index":%s,"finish_reason":"stop"}]}' % ("9" * 4000),
    '{"type":"message_start","message":[1],"usage":null}',
    '{"output":[{"type":"code_interpreter_call","container_id":["\\u0000"]}],"usage":{"input_tokens":1,"output_tokens":1}}',
    '{"candidates":[{"groundingMetadata":{"webSearchQueries":["\\u0000",5,null]}}],"usageMetadata":{"promptTokenCount":1}}',
]  # fmt: skip


def test_any_answer_is_charged_or_refused(tenant: Tenant, api: Api) -> None:
    providers = ["anthropic", "openai", "google"]
    for provider in providers:
        make_model({"input": "3", "output": "15"}, provider=provider)
    settled = 0
    for provider, body in zip(itertools.cycle(providers), BODIES, strict=False):
        call = api.authorise(provider=provider, input_tokens=10, max_output_tokens=10).json()["id"]
        sent = '{"provider_response":' + body + "}"
        answer = api.send("POST", f"authorisations/{call}/settle", sent, key=call)
        assert answer.status_code in (200, 400, 422), (body, answer.content)
        if answer.status_code == 200:
            settled += 1
            assert answer.json()["agrees"] is True
    assert one("SELECT count(*) FROM metering_usagerecord") == (settled,)
    assert settled > len(NAMES)
    verified()


def test_a_backslash_in_a_name_is_kept_as_it_is(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"}, provider="openai")
    call = api.authorise(provider="openai", input_tokens=10, max_output_tokens=10).json()["id"]
    response = {"model": r"x\u0000", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    receipt = api.send("POST", f"authorisations/{call}/settle", json.dumps({"provider_response": response}), key="s")
    assert receipt.json()["provider_usage"]["model"] == r"x\u0000"
