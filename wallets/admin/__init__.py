"""Finance's pages of wallets. What is posted is never changed: a correction is posted beside it."""

from wallets.admin import adjustments, claw_backs, overruns, rows, runs, wallets
from wallets.admin.rows import receipt_link

__all__ = ["adjustments", "claw_backs", "overruns", "receipt_link", "rows", "runs", "wallets"]
