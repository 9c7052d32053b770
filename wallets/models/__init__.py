"""The wallet with its lots of credits, holds and budgets, and the append-only ledger of transfers."""

from wallets.models.budgets import Budget, BudgetPeriod
from wallets.models.calls import Charge, Hold, IdempotencyRecord, Terms
from wallets.models.fields import money
from wallets.models.ledger import CREDITS, Transfer
from wallets.models.verification import VerificationRun
from wallets.models.wallet import Adjustment, ClawBack, Grant, OverrunClearance, Wallet

__all__ = [
    "CREDITS",
    "Adjustment",
    "Budget",
    "BudgetPeriod",
    "Charge",
    "ClawBack",
    "Grant",
    "Hold",
    "IdempotencyRecord",
    "OverrunClearance",
    "Terms",
    "Transfer",
    "VerificationRun",
    "Wallet",
    "money",
]
