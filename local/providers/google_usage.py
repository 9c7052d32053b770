"""Usage as Gemini tells it: running totals on every chunk, thoughts beside the candidates."""

from local.providers.calls import Call
from local.providers.usage import Usage


def so_far(call: Call, told: Usage | None, sent: int) -> Usage | None:
    """Running totals: the share of the final figures that the tokens sent so far are of all tokens."""
    if told is None:
        return None
    whole = call.answer.output_tokens or 1
    shares = {key: told[key] * sent // whole for key in _GROWING if key in told}
    fixed = {key: value for key, value in told.items() if key not in ("totalTokenCount", "candidatesTokensDetails")}
    running = fixed | shares
    return running | _totals(running) if "totalTokenCount" in told else running


_GROWING = ("candidatesTokenCount", "thoughtsTokenCount")


def of_content(call: Call, tier: str) -> Usage | None:
    """Usage of a whole answer: cached tokens are part of the prompt, thoughts come on top of the candidates."""
    counted = {
        "promptTokenCount": call.input_tokens,
        "candidatesTokenCount": call.answer.visible.tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": call.input_tokens}],
        "serviceTier": tier,
    }
    if call.answer.reasoning.tokens:
        counted["thoughtsTokenCount"] = call.answer.reasoning.tokens
    return call.usage(counted, _totals, _contradict)


_SUMMED = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")


def _totals(usage: Usage) -> Usage:
    return {"totalTokenCount": sum(usage.get(key) or 0 for key in _SUMMED)}


def _contradict(usage: Usage) -> Usage:
    """More tokens from the cache than in the prompt, and a total that is no sum."""
    prompt = usage.get("promptTokenCount", 0)
    return {"cachedContentTokenCount": prompt + 100, "totalTokenCount": prompt + 7}
