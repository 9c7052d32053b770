"""`python -m local.simulation`: run the agents until a signal ends them. The environment says where, see `config`."""

import asyncio
import logging
import os
import signal
import sys

from local.simulation.config import Config, MissingSetting
from local.simulation.run import run

log = logging.getLogger("simulation")


def main() -> int:
    """Returns the exit code: 2 where a setting is missing."""
    # Ours in full, of others what is wrong: the SDKs note every request.
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        config = Config.read(os.environ)
    except MissingSetting as error:
        log.error("%s", error)
        return 2
    asyncio.run(_until_stopped(config))
    return 0


async def _until_stopped(config: Config) -> None:
    """Ended by a signal, calls that run are settled with what came of them."""
    agents = asyncio.create_task(run(config))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, agents.cancel)
    await asyncio.gather(agents, return_exceptions=True)


if __name__ == "__main__":
    raise SystemExit(main())
