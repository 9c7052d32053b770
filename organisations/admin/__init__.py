"""Staff's pages of organisations, people, keys and the audit trail."""

from organisations.admin import audit, keys, organisations, people

__all__ = ["audit", "keys", "organisations", "people"]
