"""From a request to an accepted call: key, fault, body, model, script; the same way for every provider."""

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from local.providers import answer, catalogue, errors, faults, keys, pace, script
from local.providers.calls import Call, Wish, count
from local.providers.delivery import Player
from local.providers.errors import Kind, Refused
from local.providers.faults import Fault, FaultBook
from local.providers.journal import Entry, Journal
from local.providers.script import Script

_T = TypeVar("_T")


@dataclass(frozen=True)
class Settings:
    """How this process answers unless a request says otherwise."""

    seed: int
    tokens_per_second: float


class State:
    """All that this process remembers, in memory alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.faults = FaultBook()
        self.journal = Journal()


@dataclass(frozen=True)
class Arrival:
    """A request whose key is good, with the fault that befalls it."""

    request: Request
    provider: str
    state: State
    entry: Entry
    fault: Fault | None

    async def body(self, kind: type[_T]) -> _T:
        """The JSON body. Raises Refused when it is not one of that kind."""
        try:
            return msgspec.json.decode(await self.request.body(), type=kind)
        except msgspec.DecodeError as error:
            raise Refused(Kind.MALFORMED, str(error)) from error

    async def call(self, wish: Wish) -> Call:
        """The call to answer. Raises Refused for an unknown model, too high a limit or a script that can't be read."""
        self.entry.model, self.entry.stream, self.entry.limit = wish.model, wish.stream, wish.limit
        model = catalogue.find(self.provider, wish.model)
        if wish.limit is not None and wish.limit > model.max_output:
            raise Refused(Kind.MALFORMED, f"{model.id} gives at most {model.max_output} output tokens.")
        headers = self.request.headers
        scripted = script.read(headers, wish.tools)
        dice = await self._dice(scripted)
        thinks = model.thinks if wish.thinks is None else wish.thinks
        composed = answer.compose(dice, scripted, thinks=thinks, limit=wish.limit)
        beats = pace.beats(composed, self.state.settings.tokens_per_second * script.read_pace(headers), dice)
        return Call(
            id=self._new_id(),
            created=int(time.time()),
            model=scripted.model or model.snapshot,
            tier=scripted.service_tier,
            input_tokens=count(wish.prompt) if scripted.input_tokens is None else scripted.input_tokens,
            answer=composed,
            player=Player(beats, self.fault, self.entry),
            entry=self.entry,
            fault=self.fault,
            scripted_usage=script.read_usage(headers),
            replace_usage=scripted.replace_usage,
        )

    def _new_id(self) -> str:
        """Never the same twice, whatever the seed: callers tell answers apart by it."""
        self.entry.response_id = uuid4().hex
        return self.entry.response_id

    async def _dice(self, scripted: Script) -> random.Random:
        content = hashlib.sha256(await self.request.body()).hexdigest() if scripted.seed is None else scripted.seed
        return random.Random(f"{self.state.settings.seed}/{self.provider}/{content}")


Handler = Callable[[Arrival], Awaitable[Response]]


def endpoint(provider: str, handle: Handler, *, answers: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """A handler that lets only good requests through and words refusals as `provider` does.

    `answers`: it gives generated answers, so that faults of answers apply.
    """

    async def run(request: Request) -> Response:
        state: State = request.app.state.local
        entry = state.journal.open(provider, request.method, request.url.path)
        try:
            keys.check(request, provider)
            header = request.headers.get("x-local-fault")
            fault = faults.parse(header) if header else state.faults.pick(provider, answers)
            entry.fault = fault.name if fault else ""
            await _befall(fault)
            return await handle(Arrival(request, provider, state, entry, fault))
        except Refused as refused:
            response = errors.response(provider, refused)
            entry.status, entry.ended = response.status_code, "refused"
            return response

    return run


async def _befall(fault: Fault | None) -> None:
    """What a fault does before anything is answered. Raises Refused when it is a refusal."""
    if fault and fault.kind:
        raise Refused(fault.kind, f"The fault {fault.name} was asked for.")
    if fault and fault.name == "slow":
        await asyncio.sleep(fault.seconds)
