"""Usage as OpenAI tells it: totals that include the parts named in their details."""

from collections.abc import Callable

from local.providers.calls import Call
from local.providers.usage import Usage


def of_chat(call: Call) -> Usage | None:
    """Usage of a chat completion."""
    counted = {
        "prompt_tokens": call.input_tokens,
        "completion_tokens": call.answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": call.answer.reasoning.tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    return call.usage(counted, _sum("prompt_tokens", "completion_tokens"), _absurd("prompt_tokens"))


def of_response(call: Call) -> Usage | None:
    """Usage of a response."""
    counted = {
        "input_tokens": call.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": call.answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": call.answer.reasoning.tokens},
    }
    return call.usage(counted, _sum("input_tokens", "output_tokens"), _absurd("input_tokens"))


def _sum(*names: str) -> Callable[[Usage], Usage]:
    return lambda usage: {"total_tokens": sum(usage[name] or 0 for name in names)}


def _absurd(prompt: str) -> Callable[[Usage], Usage]:
    """More tokens from the cache than in the prompt, and a total that is no sum."""
    return lambda usage: {
        f"{prompt}_details": {"cached_tokens": usage.get(prompt, 0) + 100},
        "total_tokens": usage.get(prompt, 0) + 7,
    }
