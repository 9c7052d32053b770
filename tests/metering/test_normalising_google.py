"""Gemini's generateContent as leaves: thoughts and tool results come on top, cached tokens are in the prompt."""

import re
from typing import Any

import pytest

from metering.normalising import Normalised, UnreadableUsage, normalise

EVERYTHING = {
    "promptTokenCount": 1000,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 500}, {"modality": "AUDIO", "tokenCount": 200},
        {"modality": "IMAGE", "tokenCount": 150}, {"modality": "VIDEO", "tokenCount": 100},
        {"modality": "DOCUMENT", "tokenCount": 50},
    ],
    "cachedContentTokenCount": 330,
    "cacheTokensDetails": [
        {"modality": "TEXT", "tokenCount": 100}, {"modality": "AUDIO", "tokenCount": 120},
        {"modality": "IMAGE", "tokenCount": 80}, {"modality": "VIDEO", "tokenCount": 30},
    ],
    "toolUsePromptTokenCount": 60,
    "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}, {"modality": "IMAGE", "tokenCount": 10}],
    "candidatesTokenCount": 300,
    "candidatesTokensDetails": [
        {"modality": "TEXT", "tokenCount": 100}, {"modality": "AUDIO", "tokenCount": 90},
        {"modality": "IMAGE", "tokenCount": 110},
    ],
    "thoughtsTokenCount": 40,
    "totalTokenCount": 1400,
}  # fmt: skip
LEAVES = {
    "input": 500 - 100 + 50 + 50, "input_audio": 80, "input_image": 70 + 10, "input_video": 70,
    "cache_read": 130, "cache_read_audio": 120, "cache_read_image": 80,
    "output": 100, "output_audio": 90, "output_image": 110, "reasoning": 40,
}  # fmt: skip
PLAIN = {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30}


def read(response: Any) -> Normalised:
    return normalise("google", response)


def in_snake_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"([A-Z])", r"_\1", name).lower(): in_snake_case(below) for name, below in value.items()}
    return [in_snake_case(below) for below in value] if isinstance(value, list) else value


def answer(
    usage: dict[str, Any] | None, text: str = "Hello", finish: str | None = "STOP", **more: Any
) -> dict[str, Any]:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-pro", "responseId": "r1"}


def test_every_leaf() -> None:
    assert sum(LEAVES.values()) == EVERYTHING["totalTokenCount"]
    whole = answer(EVERYTHING)
    for response in (whole, [whole], EVERYTHING, {"usageMetadata": EVERYTHING}, [EVERYTHING], {"usage": EVERYTHING}):
        for form in (response, in_snake_case(response)):
            found = read(form)
            assert (found.leaves, found.complete, found.flags) == (LEAVES, True, ())
    assert read(in_snake_case(whole)).model == "gemini-2.5-pro"


def test_the_last_chunk_counts_field_by_field() -> None:
    first = {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 3, "totalTokenCount": 13}
    last = {"promptTokenCount": 10, "cachedContentTokenCount": None, "candidatesTokenCount": 20, "totalTokenCount": 35}
    last |= {"thoughtsTokenCount": 5}
    found = read([answer({"trafficType": "ON_DEMAND"}, finish=None), answer(first, finish=None), answer(last)])
    assert found.leaves == {"input": 6, "cache_read": 4, "output": 20, "reasoning": 5}
    assert (found.complete, found.flags, found.service_tier) == (True, (), "standard")
    assert len(found.raw["usages"]) == 3


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"trafficType": "ON_DEMAND"}, "standard"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"trafficType": "ON_DEMAND_OFFPEAK"}, "offpeak"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
        ({"trafficType": "TRAFFIC_TYPE_UNSPECIFIED"}, None),
        ({"serviceTier": "flex"}, "flex"),
        ({"serviceTier": "STANDARD"}, "standard"),
        ({"serviceTier": "batch"}, "batch"),
        ({"serviceTier": "unspecified", "trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({}, None),
    ],
)
def test_tier(usage: dict[str, Any], tier: str | None) -> None:
    assert read(answer(PLAIN | usage)).service_tier == tier
    assert read(in_snake_case(answer(PLAIN | usage))).service_tier == tier


def test_tier_beside_the_usage() -> None:
    assert read(answer(PLAIN) | {"serviceTier": "priority"}).service_tier == "priority"


def rows(**kinds: int) -> list[dict[str, Any]]:
    return [{"modality": kind.upper(), "tokenCount": number} for kind, number in kinds.items()]


@pytest.mark.parametrize(
    ("usage", "right", "flag"),
    [
        # Thoughts inside the candidates: the total says so, and the smaller reading counts.
        (
            {"thoughtsTokenCount": 5},
            {"output": 15, "reasoning": 5},
            "Google reports 30 tokens in total, its parts add up to 35: difference 5.",
        ),
        ({"totalTokenCount": 37}, {}, "Google reports 37 tokens in total, its parts add up to 30: difference 7."),
        (
            {"cachedContentTokenCount": 12},
            {"input": 0, "cache_read": 10},
            "Google reports 10 prompt tokens, its parts add up to 12: difference 2.",
        ),
        (
            {"promptTokensDetails": rows(text=3, audio=4)},
            {"input": 6, "input_audio": 4},
            "Google reports 10 prompt tokens, its split by modality says 7: difference 3.",
        ),
        (
            {"promptTokensDetails": rows(audio=14)},
            {"input": 0, "input_audio": 10},
            "Google reports 10 prompt tokens, its parts add up to 14: difference 4.",
        ),
        (
            {"candidatesTokensDetails": rows(text=18, image=4)},
            {"output": 16, "output_image": 4},
            "Google reports 20 candidates tokens, its split by modality says 22: difference 2.",
        ),
        (
            {"cachedContentTokenCount": 5, "cacheTokensDetails": rows(text=4, audio=3)},
            {"input": 5, "cache_read": 2, "cache_read_audio": 3},
            "Google reports 5 cached tokens, its split by modality says 7: difference 2.",
        ),
        (
            {"cachedContentTokenCount": 5, "promptTokensDetails": rows(text=6, audio=4)},
            {"input": 1, "cache_read": 5, "input_audio": 4},
            "Google does not say of which modality its 5 cached tokens are; counted as text.",
        ),
        # No contradiction: text left out of a split, a split without the cached part, a split instead of a total.
        ({"candidatesTokensDetails": rows(image=18)}, {"output": 2, "output_image": 18}, None),
        (
            {"cachedContentTokenCount": 4, "cacheTokensDetails": rows(audio=4)}
            | {"promptTokensDetails": rows(text=5, audio=1)},
            {"input": 5, "cache_read": 0, "cache_read_audio": 4, "input_audio": 1},
            None,
        ),
        ({"promptTokenCount": None, "promptTokensDetails": rows(text=4, audio=6)}, {"input": 4, "input_audio": 6}, ""),
        ({"cacheTokensDetails": rows(text=3)}, {"input": 7, "cache_read": 3}, None),
        ({"promptTokensDetails": rows(modality_unspecified=9, hologram=1)}, {}, None),
        # One that is not specified is text, and a split that names text is meant to make up the total.
        (
            {"promptTokensDetails": rows(modality_unspecified=9)},
            {},
            "Google reports 10 prompt tokens, its split by modality says 9: difference 1.",
        ),
        ({"prompt_token_count": None, "candidatesTokenCount": None, "candidates_token_count": 20}, {}, None),
        ({"promptTokensDetails": [{"tokenCount": 10}, {"modality": "AUDIO"}]}, {}, None),
        ({"totalTokenCount": None}, {}, None),
        ({"someNewTokenCount": 7}, {}, None),
    ],
)  # fmt: skip
def test_what_does_not_add_up(usage: dict[str, Any], right: dict[str, int], flag: str | None) -> None:
    found = read(answer(PLAIN | usage))
    assert found.leaves == {"input": 10, "output": 20} | right
    assert found.flags == ((flag,) if flag else ())
    assert found.complete


@pytest.mark.parametrize(
    ("response", "right"),
    [
        (answer(None), {}),
        (answer({}), {}),
        (answer({"trafficType": "ON_DEMAND"}), {}),
        ([answer(None, finish=None), answer(None)], {}),
        # Cut: no reason for the end, so the running totals are a lower bound.
        ([answer(None, finish=None), answer(PLAIN, "", finish=None)], {"input": 10, "output": 20}),
        ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, {}),
        ({"usageMetadata": None}, {}),
    ],
)
def test_missing_usage_is_not_complete(response: Any, right: dict[str, int]) -> None:
    found = read(response)
    assert (found.leaves, found.complete) == (right, False)
    assert found.streamed_characters in (0, 5, 10)


@pytest.mark.parametrize("ended", [{"promptFeedback": {"blockReason": "SAFETY"}}, {"modelVersion": "gemini-2.5-pro"}])
def test_a_blocked_prompt_has_no_candidates_and_is_complete(ended: dict[str, Any]) -> None:
    found = read([{"usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10}, **ended}])
    assert (found.leaves, found.complete, found.flags) == ({"input": 10}, True, ())


def test_thoughts_alone_are_complete() -> None:
    usage = {"promptTokenCount": 10, "thoughtsTokenCount": 90, "totalTokenCount": 100}
    found = read(answer(usage, "", finish="MAX_TOKENS"))
    assert (found.leaves, found.complete, found.flags) == ({"input": 10, "reasoning": 90}, True, ())


@pytest.mark.parametrize(
    ("model", "queries", "searches"),
    [
        ("gemini-3.1-pro-preview", ["a", "b", "", "a"], 2),
        ("gemini-3-flash", [], None),
        ("gemini-3-flash", [""], None),
        ("gemini-2.5-pro", ["a", "b"], 1),
        ("gemini-2.5-pro", [], None),
        ("learnlm", ["a", "b"], 1),
        ("gemini-12-pro", ["a", "b"], 2),
    ],
)
def test_searches_are_counted_as_google_bills_them(model: str, queries: list[str], searches: int | None) -> None:
    grounded = answer(PLAIN, groundingMetadata={"webSearchQueries": queries}) | {"modelVersion": model}
    for response in (grounded, in_snake_case(grounded), [answer(None, finish=None), grounded, grounded]):
        found = read(response)
        assert found.leaves.get("web_search") == searches
        different = len({query for query in queries if query})
        assert found.raw.get("tool_calls") == ({"web_search_queries": different} if different else None)


def test_characters_of_every_kind_of_part() -> None:
    parts = [
        {"text": "ab"}, {"text": "cde", "thought": True}, {"functionCall": {"name": "f", "args": {"q": "rs"}}},
        {"executableCode": {"code": "1+1"}}, {"inlineData": {"data": "bm8="}},
    ]  # fmt: skip
    response = {"candidates": [{"content": {"parts": parts}}]}
    assert read(response).streamed_characters == 2 + 3 + 3 + 3
    assert read([in_snake_case(response)] * 2).streamed_characters == 22


@pytest.mark.parametrize(
    ("usage", "field"),
    [
        ({"promptTokenCount": -1}, "prompt_token_count is negative"),
        ({"candidatesTokenCount": "3"}, "candidates_token_count must be a number"),
        ({"thoughtsTokenCount": 0.5}, "thoughts_token_count must be a whole number"),
        ({"promptTokensDetails": {"modality": "TEXT"}}, "prompt_tokens_details must be a list of objects"),
        ({"promptTokensDetails": [5]}, "prompt_tokens_details must be a list of objects"),
        ({"cacheTokensDetails": rows(text=-1)}, "token_count is negative"),
        ({"promptTokensDetails": [{"modality": ["TEXT"], "tokenCount": 1}]}, "modality must be a name"),
        ({"promptTokenCount": 2_000_000_000, "toolUsePromptTokenCount": 1}, "input add up to more than 2,000,000,000"),
        ({"trafficType": 5}, "traffic_type must be a name"),
    ],
)
def test_nonsense_names_its_field(usage: dict[str, Any], field: str) -> None:
    with pytest.raises(UnreadableUsage, match=field):
        read(answer(PLAIN | usage))
