"""Staff's pages of organisations, people, keys and the audit trail."""

from organisations.admin import approvals, audit, keys, organisations, people

__all__ = ["approvals", "audit", "keys", "organisations", "people"]
