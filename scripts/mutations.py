#!/usr/bin/env python
"""Break the product in one place at a time, in a copy, and see that the tests named for it fail.

    python scripts/mutations.py [WORD]     only mutations whose name contains WORD

Prints one line a mutation; exits with 1 if one of them survives. Takes about half a minute each.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COPIED = [
    "analytics", "billing_portal", "bin", "client", "common", "invoices", "manage.py", "metering", "organisations", "plans",
    "providers", "pyproject.toml", "static", "templates", "tests", "wallets",
]  # fmt: skip


class Mutation(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    tests: str


SETTLE, AUTHORISE = "wallets/sql/40_settle.sql", "wallets/sql/20_authorise.sql"
WALLET, WALLETS_0001 = "wallets/sql/10_wallet.sql", "wallets/migrations/0001_initial.py"
LIFE, ONCE, STOP = (
    "tests/metering/test_life_of_a_call.py",
    "tests/metering/test_once.py",
    "tests/flows/test_hard_stop.py",
)
SEEN = "    IF FOUND THEN RETURN NEXT; CONTINUE; END IF;\n"

MUTATIONS = [
    Mutation("the wallet's lock", WALLET, "FOR NO KEY UPDATE", "", f"{STOP} {ONCE}"),
    Mutation("the funds check", AUTHORISE, "least(wanted, div(room - fixed, unit))", "wanted", LIFE),
    Mutation("the funds check for the input", AUTHORISE, "WHEN fixed > room THEN -1", "WHEN false THEN -1", LIFE),
    Mutation("exact division", AUTHORISE, "div(room - fixed, unit)", "ceil((room - fixed) / unit)", "tests/metering/test_affordable.py"),
    Mutation("the replay look-up of authorise", AUTHORISE, SEEN, "", ONCE),
    Mutation("the replay look-up of settle", SETTLE, SEEN, "", ONCE),
    Mutation("the replay look-up of release", "wallets/sql/50_release.sql", SEEN, "", ONCE),
    Mutation("the first answer after a change of plan", "metering/services.py", "if (first := _first_answer(key, once)) is None:", "if (first := None) is None:", ONCE),
    Mutation("the fingerprint", WALLET, "CASE WHEN r.fingerprint = asks THEN r.outcome ELSE 'key_reused' END", "r.outcome", ONCE),
    Mutation("the unique key", WALLETS_0001, 'name="idempotency_key_once"', 'name="idempotency_key_once", condition=models.Q(scope="x")', "tests/test_walls.py"),
    Mutation("ending once", SETTLE, "WHEN h.state <> 'open' THEN 'ended'", "WHEN false THEN 'ended'", f"{LIFE} {ONCE}"),
    Mutation("expiry looks again under the lock", SETTLE, "WHEN ended_by = 'expiry' AND h.expires_at > at THEN 'renewed'", "WHEN false THEN 'renewed'", "tests/metering/test_expiry.py"),
    Mutation("no debt: the charge is bounded", SETTLE, "least(op.cost, h.amount + wallet.balance - wallet.held)", "op.cost", LIFE),
    Mutation("an overrun leaves others' holds alone", SETTLE, "least(op.cost, h.amount + wallet.balance - wallet.held)", "least(op.cost, wallet.balance)", LIFE),
    Mutation("free credits first", SETTLE, "g.kind = 'paid', g.id", "g.id", LIFE),
    Mutation("the held sum goes down", SETTLE, "held = w.held - h.amount, last", "held = w.held, last", LIFE),
    Mutation("reports in order", "metering/sql/20_progress.sql", "CASE WHEN o.seq > c.seq THEN o.accrued ELSE c.reported END", "o.accrued", LIFE),
    Mutation("revocation is read under the lock", "metering/sql/10_authorise.sql", "k.revoked_at IS NOT NULL OR", "", ONCE),
    Mutation("CHECK held within balance", WALLETS_0001, 'models.F("balance")', 'models.F("balance") + 1000', "tests/test_walls.py"),
    Mutation("FORCE row-level security", "common/database.py", "FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY", "tests/test_architecture.py::test_row_level_security_is_forced_with_a_policy_for_each_command"),
    Mutation("the policy for reading", "common/database.py", '"SELECT": f"USING {read}"', '"SELECT": "USING (true)"', "tests/test_walls.py"),
    Mutation("the policy for writing", "common/database.py", '"INSERT": f"WITH CHECK {write}"', '"INSERT": "WITH CHECK (true)"', "tests/test_walls.py"),
    Mutation("no right to change transfers", "wallets/models.py", 'database_rights: ClassVar[str] = "SELECT, INSERT"\n\n    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="transfers")', 'database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE, DELETE"\n\n    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="transfers")', "tests/test_walls.py"),
    Mutation("half away from zero", "common/money.py", "rounding=ROUND_HALF_UP", "rounding='ROUND_HALF_EVEN'", "tests/metering/test_rating.py"),
    Mutation("the whole request at its class", "metering/rating.py", "input_tokens > self.class_above", "input_tokens >= self.class_above", "tests/metering/test_rating.py"),
]  # fmt: skip


def main() -> int:
    chosen = [m for m in MUTATIONS if (sys.argv[1] if len(sys.argv) > 1 else "") in m.name]
    survivors = [m for m in chosen if not killed(m)]
    print(f"{len(chosen)} mutations, {len(survivors)} survived")
    return 1 if survivors else 0


def killed(mutation: Mutation) -> bool:
    """Whether a test fails once the mutation is in; prints the line."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy(Path(folder))
        file = Path(folder, mutation.file)
        text = file.read_text()
        if mutation.old not in text:
            raise SystemExit(f"{mutation.name}: {mutation.file} has no {mutation.old!r}")
        file.write_text(text.replace(mutation.old, mutation.new, 1))
        failed = first_failure(Path(folder), mutation.tests.split())
    print(
        f"{'killed' if failed else 'SURVIVED':>8}  {time.monotonic() - started:4.0f} s  {mutation.name}: {failed}",
        flush=True,
    )
    return bool(failed)


def copy(folder: Path) -> None:
    # PostgreSQL may run as another user, who must be able to enter.
    folder.chmod(0o755)
    for name in COPIED:
        source = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__")
        _ = (
            shutil.copytree(source, folder / name, ignore=ignore)
            if source.is_dir()
            else shutil.copy(source, folder / name)
        )


def first_failure(folder: Path, tests: list[str]) -> str:
    environment = os.environ | {"PORTAL_DATA": str(folder / "data")}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED tests", "ERROR tests"))]
    if done.returncode not in (0, 1):
        raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    return lines[0][:110] if lines else ""


if __name__ == "__main__":
    raise SystemExit(main())
