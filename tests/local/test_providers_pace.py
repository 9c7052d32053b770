import asyncio
import random
import time
from itertools import pairwise

import httpx
import openai
import pytest

from local.providers import pace, text
from local.providers.answer import compose
from local.providers.script import Script
from tests.local.asking import chat
from tests.local.conftest import headers


def test_three_hundred_tokens_take_about_two_seconds(openai_client: openai.OpenAI) -> None:
    begun = time.monotonic()
    arrived = [
        time.monotonic() - begun
        for _ in chat(openai_client, headers(pace="1", output_tokens=300), stream=True)
    ]  # fmt: skip
    assert 1.7 < arrived[-1] < 4.0
    assert len(arrived) > 100, "word by word"
    assert max(later - earlier for earlier, later in pairwise(arrived)) < 1.0, "evenly enough"


def test_an_answer_in_one_piece_takes_as_long(openai_client: openai.OpenAI) -> None:
    begun = time.monotonic()
    chat(openai_client, headers(pace="4", output_tokens=300))
    assert 0.4 < time.monotonic() - begun < 1.6


def test_a_faster_pace_sends_larger_parts_at_the_same_rate() -> None:
    answer = compose(random.Random(1), Script(output_tokens=3000), thinks=False, limit=None)
    slow = pace.beats(answer, 170, random.Random(1))
    fast = pace.beats(answer, 170 * 60, random.Random(1))
    assert len(slow) > 2000
    assert len(fast) < 100
    assert slow[-1].due == pytest.approx(fast[-1].due * 60)
    for beats in (slow, fast):
        assert "".join(beat.text for beat in beats) == answer.visible.text
        assert beats[-1].tokens == 3000
        assert all(now.tokens < then.tokens and now.due < then.due for now, then in pairwise(beats))


def test_the_same_request_has_the_same_answer_and_a_new_id(openai_client: openai.OpenAI) -> None:
    first, again = (chat(openai_client, headers()) for _ in range(2))
    assert first.choices == again.choices
    assert first.usage == again.usage
    assert first.id != again.id
    assert chat(openai_client, headers(seed=5)).choices != first.choices


def test_text_in_pieces_is_the_text() -> None:
    for words in ("", " ", "one", "  two  spaces\n\nand a line ", "incomprehensibilities, über-außergewöhnlich"):
        assert "".join(text.split(words)) == words


def test_made_up_text_has_whole_sentences_and_exact_counts() -> None:
    dice = random.Random(2)
    for count in (0, 1, 7, 500):
        assert len(text.exactly(dice, count)) == count
    free = "".join(text.sentences(dice, 300))
    assert free.endswith(".")
    assert 3.5 < len(free) / 300 < 6, "a token is about four letters"


def test_twenty_streams_at_once_keep_their_pace(providers: str) -> None:
    """They share one process: none may hold up the others."""

    async def one(client: httpx.AsyncClient) -> float:
        begun = time.monotonic()
        body = {"model": "gpt-5.2", "messages": [{"role": "user", "content": "?"}], "stream": True}
        sent = {"authorization": "Bearer k", **headers(pace="2", output_tokens=300)}
        async with client.stream("POST", f"{providers}/openai/v1/chat/completions", json=body, headers=sent) as answer:
            async for _ in answer.aiter_raw():
                pass
        return time.monotonic() - begun

    async def all_of_them() -> list[float]:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=30)) as client:
            return await asyncio.gather(*(one(client) for _ in range(20)))

    assert max(asyncio.run(all_of_them())) < 4.0
