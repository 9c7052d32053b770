"""Writes of wallets that are rarer than calls: the ORM, under the same lock as the SQL functions."""

from wallets.services.adjusting import adjust, undo_adjustment
from wallets.services.budgets import end_budget, set_budget
from wallets.services.claw_backs import claw_back, give_back
from wallets.services.closing import close_due_lots
from wallets.services.granting import grant_credits, grant_included, start_over
from wallets.services.overrun import clear_overrun
from wallets.services.posting import locked

__all__ = [
    "adjust",
    "claw_back",
    "clear_overrun",
    "close_due_lots",
    "end_budget",
    "give_back",
    "grant_credits",
    "grant_included",
    "locked",
    "set_budget",
    "start_over",
    "undo_adjustment",
]
