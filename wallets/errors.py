"""Why a change of a wallet is refused."""

from decimal import Decimal


class GrantKeyReused(Exception):
    """The key of a grant or an adjustment came before with another amount, kind or reason."""


class HoldsOpen(Exception):
    """Calls are running: what they hold can't be taken back."""


class NotBought(Exception):
    """Only credits that were bought can be taken back by whom they were bought from."""


class NotAvailable(Exception):
    """Less is available than should be taken."""

    def __init__(self, available: Decimal) -> None:
        super().__init__(f"{available:f} is available")
        self.available = available


class UndoneAlready(Exception):
    """An adjustment is undone once."""
