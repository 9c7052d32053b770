"""What the database says of a wallet, beside the model of it."""

import copy
from typing import Any

from tests import database
from tests.api import Api
from tests.factories import make_tenant
from tests.metering.figures import rows_of
from tests.wallets.book import Book
from tests.wallets.dollars import dollar_model
from wallets.verification import verify

STATE = """
SELECT jsonb_build_object(
  'wallet', jsonb_build_array(trim_scale(w.balance), trim_scale(w.held)),
  'lots', (SELECT coalesce(jsonb_agg(jsonb_build_array(g.kind, trim_scale(g.remaining), trim_scale(g.owed)) ORDER BY g.id), '[]')
           FROM wallets_grant g WHERE g.organisation_id = w.organisation_id),
  'calls', (SELECT coalesce(jsonb_object_agg(h.id, jsonb_build_array(h.state, h.ended_by, trim_scale(h.amount), trim_scale(h.accrued),
      trim_scale(t.charged), trim_scale(t.absorbed))), '{}')
    FROM wallets_hold h CROSS JOIN LATERAL (
      SELECT coalesce(sum(-wallets_change(q.debit, q.credit, q.amount)), 0) AS charged,
        coalesce(sum(CASE 'absorbed_overrun' WHEN q.debit THEN q.amount WHEN q.credit THEN -q.amount END), 0) AS absorbed
      FROM wallets_transfer q WHERE q.hold_id = h.id) t
    WHERE h.organisation_id = w.organisation_id),
  'budgets', (SELECT coalesce(jsonb_agg(jsonb_build_array(p.starts, trim_scale(p.used), trim_scale(p.held)) ORDER BY p.budget_id, p.starts), '[]')
              FROM wallets_budgetperiod p WHERE p.organisation_id = w.organisation_id))
FROM wallets_wallet w WHERE w.organisation_id = %s
"""  # noqa: E501


def authorised_at(key: str) -> Any:
    found = rows_of("SELECT authorised_at FROM wallets_hold WHERE id = %s", key)
    return found[0][0] if found else None


def closed(book: Book, now: Any) -> Book:
    """What the book would be once due lots are closed."""
    probe = copy.deepcopy(book)
    probe.close(now)
    return probe


def sound(but: frozenset[str] = frozenset()) -> None:
    _, checks = verify()
    assert [c.failure for c in checks if c.failure] == []
    assert {c.name: c.rows for c in checks if c.violations and c.name not in but} == {}


def fresh() -> None:
    """An empty database with the one set of terms that all calls are made on."""
    database.empty()
    dollar_model()
    api = Api(make_tenant("first", credits="5"))
    api.release(api.authorise(max_output_tokens=1).json()["id"])
