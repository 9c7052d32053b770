"""`python -m local.providers --port N`, or `--fd N` with a listening socket that the parent opened."""

import argparse
import asyncio
import logging
import os

import uvicorn

from local.providers.app import create
from local.providers.reception import Settings


def main() -> None:
    """Serve until a signal ends it; what is still being streamed then has one second."""
    options = _options()
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    uvicorn.run(
        create(Settings(options.seed, options.tokens_per_second)),
        port=options.port,
        fd=options.fd,
        log_level="warning",
        access_log=False,
        lifespan="off",
        # Longer than callers keep idle connections: one closed under a request would look like a fault.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.providers", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int, default=0, help="port on 127.0.0.1")
    where.add_argument("--fd", type=int, help="descriptor of a listening socket")
    seed = int(os.environ.get("LOCAL_PROVIDERS_SEED", "1"))
    parser.add_argument("--seed", type=int, default=seed, help="same seed, same requests: same answers")
    parser.add_argument("--tokens-per-second", type=float, default=170.0, help="pace of an answer")
    return parser.parse_args()


def _is_news(record: logging.LogRecord) -> bool:
    """A connection that the fault `cut` closed and an answer that a stop of the process ended are no errors."""
    stopped = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not stopped and "without completing response" not in record.getMessage()


if __name__ == "__main__":
    main()
