"""A trace through a running server and back: what the replay says, what the independent checker finds."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from billing_client import BillingClient, BillingError, Problem, Receipt
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from common.tenancy import platform
from metering.models import Call
from metering.replay import read_rows, read_trace
from metering.replay_calls import Job, Sender
from organisations.models import ApiKey
from organisations.selectors import is_in_force
from tests.factories import Tenant, make_model, make_plan, make_tenant
from wallets.models import Wallet

# Nothing comes out even: $0.33 and $1.7 per million at a markup of 1.15 need rounding in every row.
INPUT, OUTPUT, MARKUP = Decimal("0.333333"), Decimal("1.777777"), Decimal("1.15")
HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
SEED = 20231116


def cost(rows: list[tuple[int, int]]) -> Decimal:
    """The right sum, computed here a third time."""
    each = ((i * INPUT + o * OUTPUT) * MARKUP / 1_000_000 for i, o in rows)
    return sum((c.quantize(Decimal("1e-9"), rounding=ROUND_HALF_UP) for c in each), Decimal(0))


@pytest.fixture
def rows() -> list[tuple[int, int]]:
    """12 requests, two of them alike, one without output."""
    chance = random.Random(SEED)
    some = [(chance.randint(1, 14_000), chance.randint(1, 1_000)) for _ in range(10)]
    return [*some, some[0], (57, 0)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[tuple[int, int]]], Path]:
    def write_file(rows: list[tuple[int, int]]) -> Path:
        lines = [f"2023-11-16 18:15:{n:02}.6805900,{i},{o}" for n, (i, o) in enumerate(rows)]
        path = tmp_path / "trace.csv"
        path.write_text("\n".join([HEADER, *lines]))
        return path

    return write_file


@pytest.fixture
def payer(transactional_db: None) -> Tenant:
    make_model({"input": str(INPUT), "output": str(OUTPUT)})
    return make_tenant("payer", credits="10", plan=make_plan("odd", str(MARKUP)))


class Replay:
    """The command against the running server, with its output."""

    def __init__(self, base: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.base, self._capsys = base, capsys

    def __call__(self, file: Path, run: str = "r1", **options: Any) -> dict[str, str]:
        given = {"organisation": "payer", "model": "test/model", "callers": "4", "url": self.base} | options
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value]
        try:
            call_command("replay_usage", str(file), f"--run={run}", *arguments)
        finally:
            self.output = self._capsys.readouterr().out
        return {line[:16].strip(): line[17:] for line in self.output.splitlines()}


@pytest.fixture
def replay(server: str, payer: Tenant, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Replay:
    monkeypatch.delenv("BILLING_API_KEY", raising=False)
    return Replay(server, capsys)


def check(file: Path, run: str = "r1", **changed: object) -> subprocess.CompletedProcess[str]:
    """The checker in a process of its own, with the right figures unless told otherwise."""
    options = {"rate-input": INPUT, "rate-output": OUTPUT, "markup": MARKUP, "opening": 10, "run": run} | {
        name.replace("_", "-"): value for name, value in changed.items()
    }
    url = os.environ["DATABASE_URL"]
    arguments = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "scripts/check_replay.py", str(file), f"--database-url={url}", *arguments]
    return subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)


def balance(payer: Tenant) -> Decimal:
    with platform("read"):
        return Wallet.objects.get(organisation=payer.organisation).balance


def test_every_row_is_charged_exactly_and_the_checker_agrees(replay, write, rows, payer) -> None:
    file = write(rows)
    said = replay(file)
    assert said["requests"] == "12 of 12"
    assert said["input tokens"] == f"{sum(i for i, _ in rows)} of {sum(i for i, _ in rows)}"
    assert said["output tokens"] == f"{sum(o for _, o in rows)} of {sum(o for _, o in rows)}"
    assert said["charged"] == f"{cost(rows):.9f} USD"
    assert said["opening balance"] == "10.000000000 USD"
    assert said["closing balance"] == f"{10 - cost(rows):.9f} USD"
    assert balance(payer) == 10 - cost(rows)
    checked = check(file)
    assert checked.returncode == 0, checked.stdout + checked.stderr


# What the file may have been instead, and the line of the table that must say so.
OTHER_FILES = {
    "one more": (lambda rows: [*rows, (5, 5)], "lost"),
    "one of them twice": (lambda rows: [*rows, rows[0]], "lost"),
    "one less": (lambda rows: rows[:-1], "too many"),
    "only one of two alike": (lambda rows: [*rows[:-2], rows[-1]], "too many"),
    # The sums of tokens agree, two requests do not.
    "two shifted": (lambda rows: [(rows[0][0] + 1, rows[0][1]), (rows[1][0] - 1, rows[1][1]), *rows[2:]], "lost"),
}
OTHER_FIGURES = [{"markup": "1.1500001"}, {"rate_input": "0.3334"}, {"opening": "10.000000001"}, {"run": "other"}]


def test_checker_finds_what_is_lost_doubled_or_wrongly_priced(replay, write, rows) -> None:
    replay(write(rows))
    for name, (change, words) in OTHER_FILES.items():
        checked = check(write(change(rows)))
        assert checked.returncode == 1, name
        found = [line for line in checked.stdout.splitlines() if words in line]
        assert found, name
        assert found[0].endswith("DIFFERS"), name
    file = write(rows)
    for changed in OTHER_FIGURES:
        checked = check(file, **changed)
        assert (checked.returncode, "DIFFERS" in checked.stdout) == (1, True), changed
    assert check(file).returncode == 0


def test_started_again_it_doubles_nothing_and_says_the_same(replay, write, rows, payer) -> None:
    file = write(rows)
    first, again = replay(file), replay(file)
    kept = ["requests", "input tokens", "output tokens", "charged", "closing balance"]
    assert [first[name] for name in kept] == [again[name] for name in kept]
    assert balance(payer) == 10 - cost(rows)
    assert check(file).returncode == 0
    # Under another name it is another run and is charged again.
    replay(file, run="r2")
    assert balance(payer) == 10 - 2 * cost(rows)


class _DiesBeforeSettling(BillingClient):
    """Authorises, then is gone: as a process that is killed between the two calls."""

    def settle(self, *args: Any, **options: Any) -> Receipt:
        raise BillingError(Problem(None, "gone", "gone"))


def test_goes_on_where_it_was_killed(replay, write, rows, payer, server) -> None:
    # The run's own key is another one than that of the part that died: the holds must still be found.
    file = write(rows)
    job = Job("r1", "test", "model", None, None, read_trace(file).first, 0.0)
    with BillingClient(server, payer.secret) as client:
        done = [Sender(client, job, Event())(row) for row in list(read_rows(file))[:4]]
    with _DiesBeforeSettling(server, payer.secret) as client:
        open_ = [Sender(client, job, Event())(row) for row in list(read_rows(file))[4:7]]
    assert [outcome.kind for outcome in done + open_] == ["charged"] * 4 + ["failed"] * 3
    assert check(file).returncode == 1
    assert replay(file)["requests"] == "12 of 12"
    checked = check(file)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_same_run_with_another_file_is_refused_and_not_charged(replay, write, rows, payer) -> None:
    replay(write(rows))
    with pytest.raises(CommandError, match="12 requests were not charged"):
        replay(write([(i + 1, o) for i, o in rows]))
    assert "failed: line 2: 409" in replay.output
    assert balance(payer) == 10 - cost(rows)


def test_bad_file_sends_nothing(replay, write, rows) -> None:
    file = write(rows)
    file.write_text(file.read_text() + "\n2023-11-16 18:16:00,-5,1\n")
    with pytest.raises(CommandError, match="line 14: ContextTokens"):
        replay(file)
    with platform("read"):
        assert not Call.objects.exists()


def test_at_zero_the_rest_is_refused_and_counted(replay, write, rows, payer) -> None:
    # One is about 1.15 × $1.777777 = $2.044, so $10 pays for four and not for five, whichever come first.
    file = write([(0, 999_990 + n) for n in range(8)])
    with pytest.raises(CommandError, match="4 requests were not charged"):
        replay(file)
    said = {line[:16].strip(): line[17:] for line in replay.output.splitlines()}
    assert (said["requests"], said["refused"], said["failed"]) == ("4 of 8", "4", "0")
    assert 0 <= balance(payer) < Decimal("2.1")
    assert check(file).returncode == 1


def test_its_own_key_is_revoked_at_the_end_also_after_an_error(replay, write, rows) -> None:
    replay(write(rows))
    with pytest.raises(CommandError):
        replay(write([(i + 1, o) for i, o in rows]))
    with platform("read"):
        keys = list(ApiKey.objects.filter(name="replay_usage"))
        assert len(keys) == 2
        assert not any(is_in_force(key) for key in keys)


def test_given_key_is_used_and_stays_in_force(replay, write, rows, payer) -> None:
    replay(write(rows), organisation=None, api_key=payer.secret)
    with platform("read"):
        assert not ApiKey.objects.filter(name="replay_usage").exists()
        payer.key.refresh_from_db()
        assert is_in_force(payer.key)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"organisation": None}, "give --organisation"),
        ({"organisation": "nobody"}, "no agent with"),
        ({"agent": "nobody"}, "no agent with"),
        ({"model": "model"}, "PROVIDER/MODEL"),
        ({"callers": "0"}, "from 1 to 256"),
        ({"speed": "-1"}, "0 or more"),
        ({"speed": "nan"}, "0 or more"),
        ({"run": "a b"}, "letters, digits"),
        ({"api_key": "tb_wrong_key"}, "401 unauthenticated"),
        ({"url": "nowhere"}, "not an http"),
    ],
)
def test_unusable_options_are_named(replay, write, rows, options, words) -> None:
    with pytest.raises(CommandError, match=words):
        replay(write(rows), **options)
