"""Send a trace of real traffic through the API, as its callers would."""

import logging
import os
import signal
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from billing_client import Balance, BillingClient, BillingError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from metering.replay import RUN_NAME, Totals, Trace, TraceError, read_rows, read_trace, send_all
from metering.replay_calls import Job, Sender
from metering.replay_key import UnknownAgentError, issued_key

_SHOWN_ERRORS = 5


class Command(BaseCommand):
    help = (
        "Send a CSV of TIMESTAMP,ContextTokens,GeneratedTokens through authorise and settle over HTTP, "
        "and print what the API acknowledged."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--organisation", metavar="SLUG", help="whose key to issue; not needed with an API key")
        parser.add_argument("--model", required=True, type=_model, metavar="PROVIDER/MODEL")
        parser.add_argument("--project", metavar="SLUG", help="default: the organisation's first")
        parser.add_argument("--agent", metavar="SLUG", help="default: the project's first")
        parser.add_argument("--callers", type=_callers, default=8, help="threads that call at the same time (8)")
        parser.add_argument(
            "--speed", type=_speed, default=0.0, help="multiple of the trace's own pace, 0 = as fast as possible (0)"
        )
        parser.add_argument("--url", default=settings.SITE_URL, help="where the portal runs (%(default)s)")
        parser.add_argument("--api-key", default=os.environ.get("BILLING_API_KEY"), help="or $BILLING_API_KEY")
        parser.add_argument("--run", type=_run, help="name of the run; give it again to go on after an interruption")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._run(options)
        except (TraceError, OSError) as error:
            raise CommandError(f"{options['file']}: {error}") from None
        except BillingError as error:
            raise CommandError(f"{options['url']}: {error}") from None
        except UnknownAgentError as error:
            raise CommandError(str(error)) from None

    def _run(self, options: dict[str, Any]) -> None:
        trace = read_trace(options["file"])
        # A log line for each of thousands of requests would drown the progress bar and what the replay found.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        run = options["run"] or f"{trace.digest[:8]}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        self.stdout.write(f"run {run}: {trace.requests} requests of {options['file']}")
        provider, model = options["model"]
        job = Job(run, provider, model, options["project"], options["agent"], trace.first, options["speed"])
        with _api_key(options) as key, _client(options, key) as client:
            self._replay(client, job, trace, options)

    def _replay(self, client: BillingClient, job: Job, trace: Trace, options: dict[str, Any]) -> None:
        opening, started = client.balance(), time.monotonic()
        totals = self._send(client, job, trace, options)
        duration = time.monotonic() - started
        self._report(totals, trace, duration, opening, client.balance())
        left = trace.requests - totals.requests
        if left:
            raise CommandError(f"{left} requests were not charged; start again with --run {job.run} to go on")

    def _send(self, client: BillingClient, job: Job, trace: Trace, options: dict[str, Any]) -> Totals:
        """Send all rows behind a progress bar; the first few errors are printed as they come."""
        totals, errors = Totals(), 0
        with _stopped_by_ctrl_c() as stop, tqdm(total=trace.requests, unit="req") as bar:
            sender = Sender(client, job, stop)
            for outcome in send_all(read_rows(options["file"]), sender, options["callers"], stop):
                totals = totals.plus(outcome)
                bar.update(outcome.kind != "skipped")
                errors += bool(outcome.words)
                if outcome.words and errors <= _SHOWN_ERRORS:
                    bar.write(f"{outcome.kind}: {outcome.words}")
        return totals

    def _report(self, totals: Totals, trace: Trace, duration: float, opening: Balance, closing: Balance) -> None:
        money = f" {closing.currency}"
        lines = {
            "requests": f"{totals.requests} of {trace.requests}",
            "input tokens": f"{totals.input_tokens} of {trace.input_tokens}",
            "output tokens": f"{totals.output_tokens} of {trace.output_tokens}",
            "charged": f"{totals.charged:f}{money}",
            "absorbed": f"{totals.absorbed:f}{money}",
            "refused": str(totals.refused),
            "failed": str(totals.failed),
            "duration": f"{duration:.1f} s",
            "requests/s": f"{totals.requests / max(duration, 0.001):.1f}",
            "opening balance": f"{opening.balance:f}{money}",
            "closing balance": f"{closing.balance:f}{money}",
        }
        for name, value in lines.items():
            self.stdout.write(f"{name:<16} {value}")


def _api_key(options: dict[str, Any]) -> AbstractContextManager[str]:
    """The key that was given, else one that is issued for this run and revoked after it."""
    if options["api_key"]:
        return nullcontext(str(options["api_key"]))
    if not options["organisation"]:
        raise CommandError("give --organisation, or an API key with --api-key or BILLING_API_KEY")
    return issued_key(options["organisation"], options["project"], options["agent"])


def _client(options: dict[str, Any], key: str) -> BillingClient:
    """Patient enough for a restart of the web process or of PostgreSQL in the middle of the run."""
    try:
        return BillingClient(
            options["url"], key, timeout=15.0, deadline=120.0, max_retries=None, max_connections=options["callers"]
        )
    except ValueError as error:
        raise CommandError(str(error)) from None


@contextmanager
def _stopped_by_ctrl_c() -> Iterator[Event]:
    """An event that the first Ctrl-C sets, so that calls under way end in order; a second one ends the process."""
    stop = Event()
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _model(value: str) -> tuple[str, str]:
    provider, _, model = value.partition("/")
    if not (provider and model):
        raise ArgumentTypeError("must be PROVIDER/MODEL, for instance anthropic/claude-haiku-4-5")
    return provider, model


def _callers(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 256):
        raise ArgumentTypeError("must be a whole number from 1 to 256")
    return int(value)


def _speed(value: str) -> float:
    try:
        speed = float(value)
    except ValueError:
        speed = -1.0
    if not isfinite(speed) or speed < 0:
        raise ArgumentTypeError("must be a number, 0 or more")
    return speed


def _run(value: str) -> str:
    if not RUN_NAME.fullmatch(value):
        raise ArgumentTypeError("must be 1 to 64 letters, digits, dots, dashes or underscores")
    return value
