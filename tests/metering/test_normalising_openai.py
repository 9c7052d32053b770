"""OpenAI's chat completions and responses as leaves: subsets are taken out of their totals once."""

from typing import Any

import pytest

from metering.normalising import Normalised, UnreadableUsage, normalise

CHAT = {
    "prompt_tokens": 1000,
    "prompt_tokens_details": {"cached_tokens": 300, "cache_write_tokens": 100, "audio_tokens": 50, "image_tokens": 70},
    "completion_tokens": 400,
    "completion_tokens_details": {
        "reasoning_tokens": 200, "audio_tokens": 30, "accepted_prediction_tokens": 15, "rejected_prediction_tokens": 5,
    },
    "total_tokens": 1400,
}  # fmt: skip
CHAT_LEAVES = {
    "input": 480, "cache_read": 300, "cache_write": 100, "input_audio": 50, "input_image": 70,
    "output": 170, "reasoning": 200, "output_audio": 30,
}  # fmt: skip
SUBSETS = {
    "input_tokens": 707301,
    "input_tokens_details": {"cached_tokens": 672256},
    "output_tokens": 12096,
    "output_tokens_details": {"reasoning_tokens": 7715},
    "total_tokens": 719397,
}
SUBSETS_LEAVES = {"input": 35045, "cache_read": 672256, "output": 4381, "reasoning": 7715}


def read(response: Any) -> Normalised:
    return normalise("openai", response)


def completion(usage: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "An answer."}}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-5.6", "choices": [choice], "usage": usage}
    return answer | more


def chunks(*usages: dict[str, Any] | None, text: str = "Hello", finish: str | None = "stop") -> list[dict[str, Any]]:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-5.6", "service_tier": "default"}
    said = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], "usage": None}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    return [chunk | said, chunk | last, *(chunk | {"choices": [], "usage": usage} for usage in usages)]


def response(usage: dict[str, Any] | None, *output: dict[str, Any], **more: Any) -> dict[str, Any]:
    message = {"type": "message", "content": [{"type": "output_text", "text": "An answer."}]}
    answer = {"id": "resp_1", "object": "response", "model": "gpt-5.6", "status": "completed"}
    return answer | {"output": [message, *output], "usage": usage} | more


def events(end: str, usage: dict[str, Any] | None, *output: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    begun = response(None, status="in_progress", service_tier="auto") | {"output": []}
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.output_text.delta", "delta": "Hello"},
        {"type": "response.audio.delta", "delta": "bm90IHRleHQ="},
        *({"type": "response.output_item.done", "item": item} for item in output),
        {"type": f"response.{end}", "response": response(usage, *output, **more)},
    ]


def test_every_leaf_of_chat() -> None:
    for answer in (completion(CHAT), chunks(CHAT), CHAT, {"usage": CHAT}, [CHAT]):
        found = read(answer)
        assert (found.leaves, found.complete, found.flags) == (CHAT_LEAVES, True, ())
    assert (read(chunks(CHAT)).model, read(chunks(CHAT)).service_tier) == ("gpt-5.6", "standard")


def test_cached_and_reasoning_tokens_are_subsets_whole_and_streamed() -> None:
    for answer in (
        response(SUBSETS),
        SUBSETS,
        {"usage": SUBSETS},
        *(events(e, SUBSETS) for e in ("completed", "incomplete", "failed")),
    ):
        found = read(answer)
        assert (found.leaves, found.complete, found.flags) == (SUBSETS_LEAVES, True, ())


def test_subsets_as_sums_over_thirteen_requests() -> None:
    one = {
        "input_tokens": 54407, "input_tokens_details": {"cached_tokens": 51712},
        "output_tokens": 930, "output_tokens_details": {"reasoning_tokens": 593}, "total_tokens": 55337,
    }  # fmt: skip
    rest = {
        "input_tokens": 707301 - 12 * 54407, "input_tokens_details": {"cached_tokens": 672256 - 12 * 51712},
        "output_tokens": 12096 - 12 * 930, "output_tokens_details": {"reasoning_tokens": 7715 - 12 * 593},
        "total_tokens": 719397 - 12 * 55337,
    }  # fmt: skip
    read_one, read_rest = read(one), read(rest)
    assert read_one.flags == read_rest.flags == ()
    assert {leaf: 12 * n + read_rest.leaves[leaf] for leaf, n in read_one.leaves.items()} == SUBSETS_LEAVES


def test_cache_writes_of_responses_share_a_leaf_whatever_their_lifetime() -> None:
    ttl = {"ttl_30m_tokens": 40, "ttl_12h_tokens": 60}
    details = {"cached_tokens": 0, "cache_write_tokens": 100, "cache_write_tokens_details": ttl}
    found = read(response({"input_tokens": 150, "input_tokens_details": details, "output_tokens": 1}))
    assert found.leaves == {"input": 50, "cache_read": 0, "cache_write": 100, "output": 1}
    assert found.flags == ()
    details["cache_write_tokens_details"] = {"ttl_30m_tokens": 40, "ttl_12h_tokens": 90}
    found = read(response({"input_tokens": 150, "input_tokens_details": details, "output_tokens": 1}))
    assert found.leaves == {"input": 50, "cache_read": 0, "cache_write": 100, "output": 1}
    assert found.flags == ("OpenAI reports 100 cache writes, its split says 130: difference 30.",)


def test_cached_audio_is_not_charged_as_fresh_audio_too() -> None:
    details = {"cached_tokens": 60, "audio_tokens": 50, "image_tokens": 8}
    details |= {"cached_tokens_details": {"audio_tokens": 40, "image_tokens": 3, "text_tokens": 17}}
    found = read({"prompt_tokens": 100, "prompt_tokens_details": details, "completion_tokens": 1})
    assert found.leaves == {
        "input": 25, "cache_read": 17, "cache_read_audio": 40, "cache_read_image": 3, "input_audio": 10,
        "input_image": 5, "output": 1,
    }  # fmt: skip
    assert found.flags == ()


SEARCH = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
TOOLS = [
    SEARCH,
    SEARCH,
    SEARCH | {"action": {"type": "open_page"}},  # free
    SEARCH | {"action": {"type": "find_in_page"}},  # free
    SEARCH | {"status": "failed"},
    {"type": "file_search_call", "status": "completed"},
    {"type": "code_interpreter_call", "status": "completed", "code": "1"},
    {"type": "function_call", "arguments": "{}"},
]


def test_tool_calls_of_responses_are_counted() -> None:
    tools = {"web_search": 2, "file_search": 1, "code_execution": 1}
    for answer in (response(SUBSETS, *TOOLS), events("completed", SUBSETS, *TOOLS)):
        found = read(answer)
        assert found.leaves == SUBSETS_LEAVES | tools
        assert found.raw["tool_calls"] == {"web_search_call": 2, "file_search_call": 1, "code_interpreter_call": 1}
    cut = read(events("completed", SUBSETS, *TOOLS)[:-1])
    assert (cut.leaves, cut.complete) == (tools, False)


def test_billable_searches_are_as_openai_says_and_its_image_model_is_flagged() -> None:
    usage = {"web_search": {"num_requests": 1}, "image_gen": {"total_tokens": 1200}}
    found = read(response(SUBSETS, *TOOLS, tool_usage=usage))
    assert found.leaves == SUBSETS_LEAVES | {"web_search": 1, "file_search": 1, "code_execution": 1}
    assert found.flags == ("OpenAI's image tool used 1200 tokens of a model of its own; they are not counted.",)
    none = {"web_search": {"num_requests": 0}, "image_gen": {"total_tokens": 0}}
    found = read(response(SUBSETS, tool_usage=none))
    assert (found.leaves, found.flags) == (SUBSETS_LEAVES | {"web_search": 0}, ())


@pytest.mark.parametrize(
    ("named", "tier"),
    [("default", "standard"), ("flex", "flex"), ("priority", "priority"), ("auto", None), (None, None), ("", None)],
)
def test_tier(named: str | None, tier: str | None) -> None:
    assert read(completion(CHAT, service_tier=named)).service_tier == tier
    assert read(response(SUBSETS, service_tier=named)).service_tier == tier
    assert read(events("completed", SUBSETS, service_tier=named)).service_tier == tier


def details(side: str, **numbers: int) -> dict[str, Any]:
    return {f"{side}_tokens_details": numbers}


@pytest.mark.parametrize(
    ("usage", "right", "flag"),
    [
        (
            details("prompt", cached_tokens=12),
            {"input": 0, "cache_read": 10},
            "OpenAI reports 10 prompt tokens, its parts add up to 12: difference 2.",
        ),
        # What exceeds the prompt is left out where it is dearest.
        (
            details("prompt", cached_tokens=7, audio_tokens=5),
            {"input": 0, "cache_read": 7, "input_audio": 3},
            "OpenAI reports 10 prompt tokens, its parts add up to 12: difference 2.",
        ),
        (
            details("completion", reasoning_tokens=25),
            {"output": 0, "reasoning": 20},
            "OpenAI reports 20 completion tokens, its parts add up to 25: difference 5.",
        ),
        (
            details("completion", reasoning_tokens=15, audio_tokens=10),
            {"output": 0, "reasoning": 15, "output_audio": 5},
            "OpenAI reports 20 completion tokens, its parts add up to 25: difference 5.",
        ),
        ({"total_tokens": 40}, {}, "OpenAI reports 40 tokens in total, its parts add up to 30: difference 10."),
        (
            {"total_tokens": 25},
            {"output": 15},
            "OpenAI reports 25 tokens in total, its parts add up to 30: difference 5.",
        ),
        (
            {"total_tokens": 6},
            {"input": 6, "output": 0},
            "OpenAI reports 6 tokens in total, its parts add up to 30: difference 24.",
        ),
        (details("prompt", text_tokens=13), {}, "OpenAI reports 13 text tokens among 10 prompt tokens: difference 3."),
        (
            details("completion", accepted_prediction_tokens=20, rejected_prediction_tokens=4),
            {},
            "OpenAI reports 24 predicted tokens among 20 completion tokens: difference 4.",
        ),
        (
            details("completion", text_tokens=21),
            {},
            "OpenAI reports 21 text tokens among 20 completion tokens: difference 1.",
        ),
        # None of these contradicts anything.
        ({"total_tokens": 30}, {}, None),
        ({"total_tokens": None, "prompt_tokens_details": None, "completion_tokens_details": None}, {}, None),
        (details("prompt", cached_tokens=10, audio_tokens=0), {"input": 0, "cache_read": 10, "input_audio": 0}, None),
        (details("completion", reasoning_tokens=20), {"output": 0, "reasoning": 20}, None),
        ({"a_new_kind_of_tokens": 99}, {}, None),
    ],
)
def test_what_does_not_add_up(usage: dict[str, Any], right: dict[str, int], flag: str | None) -> None:
    found = read(completion({"prompt_tokens": 10, "completion_tokens": 20} | usage))
    assert found.leaves == {"input": 10, "output": 20} | right
    assert found.flags == ((flag,) if flag else ())
    assert found.complete


def test_cached_audio_beyond_what_is_there_is_flagged() -> None:
    split = {"audio_tokens": 9}
    asked = {"cached_tokens": 5, "audio_tokens": 4, "cached_tokens_details": split}
    found = read({"prompt_tokens": 100, "prompt_tokens_details": asked, "completion_tokens": 0})
    assert found.leaves == {
        "input": 95, "cache_read": 0, "cache_read_audio": 5, "input_audio": 0, "output": 0,
    }  # fmt: skip
    assert found.flags == (
        "OpenAI reports 5 cached tokens, its split by modality says 9: difference 4.",
        "OpenAI reports 4 audio tokens in the prompt, of which cached 5: difference 1.",
    )


@pytest.mark.parametrize(
    ("answer", "right", "characters"),
    [
        (completion(None), {}, 10),
        (completion({}), {}, 10),
        (chunks(), {}, 5),
        (chunks(None), {}, 5),
        (chunks({"prompt_tokens": 10, "total_tokens": 17}), {"input": 10}, 5),
        # Running totals on chunks with choices, and no end: more may have come.
        ([chunks()[0] | {"usage": {"prompt_tokens": 10, "completion_tokens": 3}}], {"input": 10, "output": 3}, 5),
        (response(None), {}, 10),
        (response({"input_tokens": 5, "output_tokens": 1}, status="in_progress"), {"input": 5, "output": 1}, 10),
        (events("completed", SUBSETS)[:-1], {}, 5),
        (events("in_progress", {"input_tokens": 5, "output_tokens": 1}), {"input": 5, "output": 1}, 5),
        (events("failed", None), {}, 5),
        ({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}, {}, 0),
        ({"usage": None}, {}, 0),
    ],
)
def test_missing_usage_is_not_complete(answer: Any, right: dict[str, int], characters: int) -> None:
    found = read(answer)
    assert (found.leaves, found.complete, found.streamed_characters) == (right, False, characters)


def test_running_totals_of_chunks_are_not_added() -> None:
    running = [chunks()[0] | {"usage": {"prompt_tokens": 10, "completion_tokens": n}} for n in (1, 2, 3)]
    found = read([*running, *chunks({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14})])
    assert (found.leaves, found.complete, found.flags) == ({"input": 10, "output": 4}, True, ())
    found = read([*running, chunks()[1]])
    assert (found.leaves, found.complete) == ({"input": 10, "output": 3}, True)


def choice(index: int | None, finish: str | None = None, **said: str) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {"choices": [{**place, "delta": said, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("stream", "complete"),
    [
        ([choice(0, content="a"), choice(1, content="b"), choice(0, "stop")], False),
        ([choice(0, "stop"), choice(1, content="b")], False),
        ([choice(0, content="a"), choice(1, content="b"), choice(1, "length"), choice(0, "stop")], True),
        ([{"choices": [*choice(0, "stop")["choices"], *choice(1)["choices"]]}], False),
        ([choice(None, content="a"), choice(None, "stop")], True),
        ([choice(None, content="a"), choice(0, "stop"), choice(None)], True),
    ],
)
def test_running_totals_are_final_once_every_choice_has_ended(stream: list[dict[str, Any]], complete: bool) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    assert read([chunk | {"usage": usage} for chunk in stream]).complete is complete


def test_the_same_reasoning_under_two_names_is_counted_once() -> None:
    both = {"reasoning": "x" * 400, "reasoning_content": "x" * 400}
    assert read([choice(0, **both, content="ab")]).streamed_characters == 402
    assert read([choice(0, reasoning="abc"), choice(0, reasoning_content="de")]).streamed_characters == 5


def test_an_embedding_has_no_completion_and_is_complete() -> None:
    found = read({"object": "list", "usage": {"prompt_tokens": 8, "total_tokens": 8}})
    assert (found.leaves, found.complete, found.flags) == ({"input": 8}, True, ())


def test_two_answers_in_one_list_are_flagged() -> None:
    other = completion({"prompt_tokens": 1, "completion_tokens": 1}, id="chatcmpl-2")
    found = read([completion({"prompt_tokens": 5, "completion_tokens": 5}), other])
    assert found.leaves == {"input": 1, "output": 1}
    assert found.flags == ("The events are of 2 answers; their newest figures are counted, not their sum.",)


def test_characters_of_every_kind_of_text() -> None:
    said = {
        "content": "ab", "refusal": "cd", "reasoning_content": "ef",
        "tool_calls": [{"function": {"name": "f", "arguments": '{"g":1}'}}, {"custom": {"input": "hi"}}],
        "function_call": {"name": "j", "arguments": "k"}, "audio": {"data": "bm8=", "transcript": "lm"},
    }  # fmt: skip
    assert read([{"choices": [{"delta": said}]}]).streamed_characters == 2 + 2 + 2 + 8 + 2 + 2 + 2
    assert read(completion(None, choices=[{"message": said}])).streamed_characters == 20
    kinds = ["output_text", "refusal", "reasoning_text", "function_call_arguments", "code_interpreter_call_code"]
    assert read([{"type": f"response.{kind}.delta", "delta": "abc"} for kind in kinds]).streamed_characters == 15
    items = [{"type": "reasoning", "summary": [{"text": "abc"}]}, {"type": "function_call", "arguments": "{}"}]
    assert read(response(None, *items)).streamed_characters == 15


@pytest.mark.parametrize(
    ("usage", "field"),
    [
        ({"prompt_tokens": -1}, "prompt_tokens is negative"),
        ({"prompt_tokens": "12"}, "prompt_tokens must be a number"),
        ({"prompt_tokens": True}, "prompt_tokens must be a number"),
        ({"prompt_tokens": [1]}, "prompt_tokens must be a number"),
        ({"prompt_tokens": 1.5}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": float("nan")}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": float("inf")}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": 2_000_000_001}, "prompt_tokens is above 2,000,000,000"),
        ({"prompt_tokens": 1e300}, "prompt_tokens is above 2,000,000,000"),
        ({"prompt_tokens": 10**5000}, "prompt_tokens is above 2,000,000,000"),
        ({"completion_tokens": -1}, "completion_tokens is negative"),
        ({"total_tokens": -1}, "total_tokens is negative"),
        ({"prompt_tokens_details": 5}, "prompt_tokens_details must be an object"),
        (details("prompt", cached_tokens=-3), "prompt_tokens_details.cached_tokens is negative"),
        (details("completion", rejected_prediction_tokens=-3), "rejected_prediction_tokens is negative"),
    ],
)
def test_nonsense_names_its_field(usage: dict[str, Any], field: str) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1} | usage
    for answer in (completion(usage), chunks(usage), usage):
        with pytest.raises(UnreadableUsage, match=field):
            read(answer)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert read({"prompt_tokens": 25.0, "completion_tokens": 2_000_000_000}).leaves["input"] == 25
