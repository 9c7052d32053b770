"""Why a change of a wallet is refused."""


class GrantKeyReused(Exception):
    """The key of a grant came before with another amount, kind or reason."""


class HoldsOpen(Exception):
    """Calls are running: what they hold can't be taken back."""
