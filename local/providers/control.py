"""Under /_local: what tests use from outside, and no provider has."""

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.providers import faults
from local.providers.errors import Refused
from local.providers.reception import State


class _Planting(msgspec.Struct, forbid_unknown_fields=True):
    fault: str
    provider: Literal["openai", "anthropic", "google"] | None = None
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    seed: int = 1


async def plant(request: Request) -> Response:
    """Plant a fault: for the next `times` requests, or for each with `probability` until the reset; else for one."""
    try:
        asked = msgspec.json.decode(await request.body(), type=_Planting)
        fault = faults.parse(asked.fault)
    except (msgspec.DecodeError, Refused) as error:
        return JSONResponse({"error": str(error)}, 400)
    times = asked.times if asked.times or asked.probability else 1
    planted = faults.Planted(fault, asked.provider, times, asked.probability or 1.0, asked.seed)
    _state(request).faults.plant(planted)
    return Response(status_code=204)


async def requests(request: Request) -> Response:
    """The journal: the last 100 requests, or `?last=N`, the newest last."""
    last = request.query_params.get("last", "100")
    return JSONResponse(_state(request).journal.read(int(last) if last.isdigit() else 100))


async def reset(request: Request) -> Response:
    """Forget planted faults and the journal."""
    _state(request).faults.clear()
    _state(request).journal.clear()
    return Response(status_code=204)


def _state(request: Request) -> State:
    state: State = request.app.state.local
    return state
