"""Write a history into an empty, migrated database: `… -m benchmarks.history.build ROWS PER_DAY END SUPERUSER_URL`.

Runs with the product's settings (DATABASE_URL and so on), since the cast is made by its services. Leaves in the table
made_words what a benchmark needs to ask for: names, ids, sessions.
"""

import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
import psycopg
from psycopg.types.json import Jsonb

LANE = """CREATE UNLOGGED TABLE made_lane (slot int PRIMARY KEY, organisation_id bigint, project_id bigint,
  agent_id bigint, api_key_id bigint, model_id bigint, "user" text, zone text)"""
MODEL = """CREATE UNLOGGED TABLE made_model (model_id bigint PRIMARY KEY, digest uuid, input_price numeric,
  cache_price numeric, output_price numeric, markup numeric)"""
STEPS = ("calls", "rows", "ledger")


def main(rows: int, per_day: int, end: str, superuser_url: str) -> None:
    django.setup()
    from benchmarks.history import asked_for
    from benchmarks.history.cast import make_cast, prices_of, terms_row

    cast = make_cast()
    settings = {
        "rows": rows, "per_day": per_day, "end": end, "large": cast.large.id, "stopped": cast.small["stopped"].id
    }  # fmt: skip
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", [f"history.{name}", str(value)])
        connection.execute(LANE)
        connection.execute(MODEL)
        terms = {m.pk: (uuid4(), Jsonb(terms_row(cast, m))) for m in cast.models}
        models = [(m.pk, terms[m.pk][0], *prices_of(m), cast.plan.markup) for m in cast.models]
        _fill(connection, "made_lane", cast.lanes)
        _fill(connection, "made_model", models)
        _fill(connection, "wallets_terms (digest, body)", list(terms.values()))
        for step in STEPS:
            connection.execute(Path(__file__).with_name(f"{step}.sql").read_text())
        # As autovacuum leaves tables that rest: index-only scans need the visibility map.
        connection.execute("VACUUM (ANALYZE)")
        words = {"calls": rows, **asked_for.read(cast, connection)}
        connection.execute("CREATE TABLE made_words AS SELECT %s::jsonb AS words", [Jsonb(words)])


def _fill(connection: psycopg.Connection, table: str, rows: Any) -> None:
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
