"""What a wrapped call has seen of its provider's answer: enough to report, to settle, and no more."""

import time
from collections.abc import Mapping
from typing import Any

from billing_client.adapters.characters import Characters, characters
from billing_client.adapters.events import Json, billable, ends, finished_answers, names_a_tool, usage_of

CHARACTERS_PER_TOKEN = 4  # of English text; a guess that only a call without usage is reported by


class Tally:
    """The events of one stream, or the one answer of a call.

    `blank`: an event of the provider's that says nothing, for a stream that ended before its first. `most`: the output
    tokens that are authorised, over `answers` answers. `report_seconds`: between two reports.
    """

    def __init__(self, blank: Json, most: int, answers: int = 1, report_seconds: float = 0) -> None:
        self.events: list[Json] = []
        self._most = most
        self._blank = blank
        self.ended = False  # the provider has said that this was all
        self.counted = False  # and it has said what it counted
        self._whole: Json | None = None
        self._characters = Characters()
        self._unfinished = answers
        self._report_seconds = report_seconds
        self._reported_at = time.monotonic()

    def add(self, seen: Mapping[str, Any]) -> None:
        """Take an event of a stream into account."""
        self._characters = self._characters.plus(characters(seen))
        self._unfinished -= finished_answers(seen)
        self.ended = self._unfinished <= 0 or self.ended or ends(seen)
        usage = usage_of(seen)
        self.counted = self.counted or (usage is not None and self.ended)
        if usage is not None or names_a_tool(seen) or self.ended or not self.events:
            self._keep(billable(seen))

    def add_whole(self, seen: Mapping[str, Any]) -> None:
        """Take an answer into account that is no stream."""
        self._characters, self.ended, self.counted = characters(seen), True, usage_of(seen) is not None
        self._whole = billable(seen)

    @property
    def evidence(self) -> Json | list[Json]:
        """What the call is settled with."""
        return self._whole if self._whole is not None else self.events or [self._blank]

    def _keep(self, event: Json) -> None:
        """Providers repeat usage cumulatively with each chunk; of a long stream the newest is enough."""
        if self.events[1:] and _same_figures(self.events[-1], event):
            self.events[-1] = event
        else:
            self.events.append(event)

    @property
    def usage(self) -> dict[str, int]:
        """An estimate of the output so far, for a report.

        Never above what is authorised, since the provider keeps to that: a guess must not make the server say stop.
        """
        said = min(_tokens(self._characters.said), self._most)
        thought = min(_tokens(self._characters.thought), self._most - said)
        return {"output": said, "reasoning": thought} if thought else {"output": said}

    def report_is_due(self) -> bool:
        """True each `report_seconds`."""
        now = time.monotonic()
        if now - self._reported_at < self._report_seconds:
            return False
        self._reported_at = now
        return True


def _same_figures(one: Json, other: Json) -> bool:
    """Do two events say the same things, so that the later replaces the earlier?"""
    names = [(set(event), set(usage_of(event) or ()), names_a_tool(event)) for event in (one, other)]
    return names[0] == names[1] and not names[0][2]


def _tokens(count: int) -> int:
    return -(-count // CHARACTERS_PER_TOKEN)
