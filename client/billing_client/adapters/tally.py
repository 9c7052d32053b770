"""What a wrapped call has seen of its provider's answer: enough to report, to settle, and no more."""

import time
from collections.abc import Mapping
from typing import Any

from billing_client.adapters.characters import Characters, characters, tokens_of
from billing_client.adapters.events import Json, billable, ends, fails, finished_answers, names_a_tool, usage_of


class Tally:
    """The events of one stream, or the one answer of a call.

    `blank`: an event of the provider's that says nothing, for a stream that ended before its first. `most`: the output
    tokens that are authorised, over `answers` answers. `likely_input`: input tokens of the request, None where nobody
    can tell. `report_seconds`: between two reports.
    """

    def __init__(
        self, blank: Json, most: int, likely_input: int | None, answers: int = 1, report_seconds: float = 0
    ) -> None:
        self.events: list[Json] = []
        self._most, self._likely_input = most, likely_input
        self._blank = blank
        self.ended = False  # the provider has said that this was all
        self.counted = False  # and it has said what it counted
        self.failed = False  # it has said that it failed
        self.came = False  # something that may bill
        self._measured = False  # the provider has begun to say what it counts
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
        self._note(seen, usage)
        if usage is not None or names_a_tool(seen) or self.ended or not self.events:
            self._keep(billable(seen))

    def add_whole(self, seen: Mapping[str, Any]) -> None:
        """Take an answer into account that is no stream."""
        self._characters, self.ended, self.counted = characters(seen), True, usage_of(seen) is not None
        self._note(seen, usage_of(seen))
        self.came = self.came or bool(seen.get("output"))  # items of a response: its tools may have run
        self._whole = billable(seen)

    def _note(self, seen: Mapping[str, Any], usage: Mapping[str, Any] | None) -> None:
        self._measured = self._measured or usage is not None
        self.came = self.came or self._measured or any(self._characters) or names_a_tool(seen)
        self.failed = self.failed or fails(seen)

    @property
    def status(self) -> str:
        """How the provider ended the call."""
        return "completed" if self.ended and not self.failed else "failed"

    @property
    def evidence(self) -> Json | list[Json]:
        """What the call is settled with."""
        if self._whole is None:
            return self.events or [self._blank]
        return self._whole or self._blank

    def _keep(self, event: Json) -> None:
        """Providers repeat usage cumulatively with each chunk; of a long stream the newest is enough."""
        if self.events[1:] and _same_figures(self.events[-1], event):
            self.events[-1] = event
        else:
            self.events.append(event)

    @property
    def usage(self) -> dict[str, int]:
        """An estimate of the usage so far, for a report; its input only until the provider says what it measured.

        Never above what is authorised, since the provider keeps to that: a guess must not make the server say stop.
        """
        said = min(tokens_of(self._characters.said), self._most)
        thought = min(tokens_of(self._characters.thought), self._most - said)
        output = {"output": said, "reasoning": thought} if thought else {"output": said}
        if self._measured or self._likely_input is None:
            return output
        return {"input": self._likely_input, **output}

    def report_is_due(self) -> bool:
        """True each `report_seconds`, once something came: what was reported to be used can't be released any more."""
        now = time.monotonic()
        if not self.came or now - self._reported_at < self._report_seconds:
            return False
        self._reported_at = now
        return True


def _same_figures(one: Json, other: Json) -> bool:
    """Do two events say the same things, so that the later replaces the earlier?"""
    names = [(set(event), set(usage_of(event) or ()), names_a_tool(event)) for event in (one, other)]
    return names[0] == names[1] and not names[0][2]
