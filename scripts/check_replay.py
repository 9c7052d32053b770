#!/usr/bin/env python3
"""Compare a replayed trace with what the database says, knowing nothing of the product but its tables.

Adds up the CSV itself, prices each row itself (exactly, rounded once a row, half away from zero, to nine places) and
reads the database with plain SQL. Prints a table; ends with 1 if anything differs.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

PLACES = Decimal("0.000000001")
MILLION = Decimal(1_000_000)

# Every usage record of the run, alike ones together, with what only a correct one has beside it.
USAGE = """
SELECT coalesce((u.leaves ->> 'input')::bigint, 0), coalesce((u.leaves ->> 'output')::bigint, 0), u.cost, count(*)
FROM metering_usagerecord u WHERE u.run = %(run)s GROUP BY 1, 2, 3
"""
FIGURES = """
WITH usage AS (SELECT * FROM metering_usagerecord WHERE run = %(run)s),
     calls AS (SELECT * FROM metering_call WHERE run = %(run)s),
     paid AS (SELECT t.hold_id, sum(t.amount) AS amount FROM wallets_transfer t JOIN calls c USING (hold_id)
              WHERE t.kind = 'usage' GROUP BY 1)
SELECT (SELECT count(*) FROM calls) AS calls,
       (SELECT count(DISTINCT hold_id) FROM usage) AS charged_calls,
       (SELECT coalesce(sum(charge), 0) FROM usage) AS charge,
       (SELECT coalesce(sum(absorbed), 0) FROM usage) AS absorbed,
       (SELECT coalesce(sum(amount), 0) FROM paid) AS transferred,
       (SELECT count(*) FROM usage u LEFT JOIN paid p USING (hold_id)
         WHERE coalesce(p.amount, 0) <> u.charge) AS wrongly_paid,
       (SELECT count(*) FROM calls c JOIN wallets_hold h ON h.id = c.hold_id WHERE h.state <> 'settled') AS not_settled,
       (SELECT count(*) FROM usage WHERE estimated OR flags <> '[]' OR status <> 'completed'
          OR leaves - 'input' - 'output' <> '{}') AS unusual,
       (SELECT count(DISTINCT organisation_id) FROM calls) AS organisations
"""
WALLET = """
SELECT w.balance, w.held,
       (SELECT coalesce(sum(CASE t.kind WHEN 'grant' THEN t.amount WHEN 'usage' THEN -t.amount ELSE 0 END), 0)
          FROM wallets_transfer t WHERE t.organisation_id = w.organisation_id)
FROM wallets_wallet w
WHERE w.organisation_id = (SELECT organisation_id FROM metering_call WHERE run = %(run)s LIMIT 1)
"""


class Rates(NamedTuple):
    """List prices per million tokens, and the factor of the organisation's plan."""

    input: Decimal
    output: Decimal
    markup: Decimal


class Kind(NamedTuple):
    """Requests that look alike: tokens in, tokens out, what one of them costs."""

    input_tokens: int
    output_tokens: int
    cost: Decimal


@dataclass
class Side:
    """One side of the comparison: how many requests of each kind."""

    kinds: Counter[Kind] = field(default_factory=Counter)

    def total(self, name: str) -> Any:
        with localcontext(prec=60):
            return sum(getattr(kind, name) * count for kind, count in self.kinds.items())


class Line(NamedTuple):
    """One line of the table."""

    what: str
    expected: object
    found: object

    @property
    def good(self) -> bool:
        return self.expected == self.found


def price(input_tokens: int, output_tokens: int, rates: Rates) -> Decimal:
    """What one request costs, in whole currency units."""
    with localcontext(prec=60):
        exact = (input_tokens * rates.input + output_tokens * rates.output) / MILLION * rates.markup
        # ROUND_HALF_UP of the decimal module is half away from zero.
        return exact.quantize(PLACES, rounding=ROUND_HALF_UP)


def read_file(path: Path, rates: Rates) -> Side:
    side = Side()
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            tokens = int(row["ContextTokens"]), int(row["GeneratedTokens"])
            side.kinds[Kind(*tokens, price(*tokens, rates))] += 1
    return side


def read_database(connection: psycopg.Connection[Any], run: str) -> Side:
    side = Side()
    for input_tokens, output_tokens, cost, count in connection.execute(USAGE, {"run": run}):
        side.kinds[Kind(input_tokens, output_tokens, cost)] = count
    return side


def compare(file: Side, database: Side) -> Iterator[Line]:
    """What both sides must agree in: sums, and each single request."""
    yield Line("requests", file.kinds.total(), database.kinds.total())
    yield Line("input tokens", file.total("input_tokens"), database.total("input_tokens"))
    yield Line("output tokens", file.total("output_tokens"), database.total("output_tokens"))
    yield Line("cost", file.total("cost"), database.total("cost"))
    yield Line("requests of the file that are lost", 0, (file.kinds - database.kinds).total())
    yield Line("requests too many (doubled)", 0, (database.kinds - file.kinds).total())


def compare_money(connection: psycopg.Connection[Any], run: str, file: Side, opening: Decimal | None) -> Iterator[Line]:
    """What else must be true of the run's rows and of the wallet."""
    cost, requests = file.total("cost"), file.kinds.total()
    cursor = connection.execute(FIGURES, {"run": run})
    found = dict(zip((column.name for column in cursor.description or ()), cursor.fetchone() or (), strict=True))
    yield Line("calls authorised", requests, found["calls"])
    yield Line("calls charged", requests, found["charged_calls"])
    yield Line("charged", cost, found["charge"])
    yield Line("absorbed", Decimal(0), found["absorbed"])
    yield Line("moved by transfers", cost, found["transferred"])
    yield Line("records whose transfers differ", 0, found["wrongly_paid"])
    yield Line("calls not settled", 0, found["not_settled"])
    yield Line("records estimated, flagged, odd", 0, found["unusual"])
    yield Line("organisations", 1, found["organisations"])
    balance, held, ledger = connection.execute(WALLET, {"run": run}).fetchone() or (None, None, None)
    yield Line("wallet = sum of its transfers", ledger, balance)
    if opening is not None:
        yield Line("balance = opening - cost", opening - cost, balance)
        yield Line("held", Decimal(0), held)


def show(lines: list[Line]) -> None:
    print(f"{'':<36}{'file':>26}{'database':>26}")
    for line in lines:
        print(f"{line.what:<36}{_text(line.expected):>26}{_text(line.found):>26}  {'ok' if line.good else 'DIFFERS'}")


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--database-url", required=True, help="of the app role")
    parser.add_argument("--run", required=True)
    parser.add_argument("--rate-input", type=Decimal, required=True, help="list price per million tokens")
    parser.add_argument("--rate-output", type=Decimal, required=True, help="list price per million tokens")
    parser.add_argument("--markup", type=Decimal, required=True, help="for instance 1.10")
    parser.add_argument("--opening", type=Decimal, help="balance before the run; nothing else may have moved it since")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    file = read_file(options.file, Rates(options.rate_input, options.rate_output, options.markup))
    with psycopg.connect(options.database_url) as connection:
        # One snapshot, so that the figures agree with one another while the system runs on.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("SELECT set_config('app.platform', 'read', false)")
        lines = list(compare(file, read_database(connection, options.run)))
        lines += compare_money(connection, options.run, file, options.opening)
    show(lines)
    bad = sum(not line.good for line in lines)
    print(f"run {options.run}: {'everything agrees' if not bad else f'{bad} of {len(lines)} figures differ'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
