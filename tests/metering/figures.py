"""What the database says, read independently of the product's own selectors."""

from decimal import Decimal
from typing import Any

from tests import database

D = Decimal


def wallet(organisation_id: int) -> tuple[Decimal, Decimal]:
    """(balance, held)."""
    return one("SELECT balance, held FROM wallets_wallet WHERE organisation_id = %s", organisation_id) or (D(0), D(0))


def one(sql: str, *parameters: Any) -> Any:
    rows = rows_of(sql, *parameters)
    return rows[0] if rows else None


def rows_of(sql: str, *parameters: Any) -> list[Any]:
    return database.shared("read").execute(sql, parameters).fetchall()


def verified() -> None:
    """Every invariant holds."""
    from wallets.verification import verify

    _, checks = verify()
    assert len(checks) >= 19
    assert [c for c in checks if c.violations] == []
