"""What can be wrong with who is asking."""

from common.problems import Problem


class Unauthenticated(Problem):
    status, code, title = 401, "unauthenticated", "The API key is missing or not valid"
    meaning = "There is no key, it has the wrong form, it is unknown, expired or revoked."
    remedy = "Send `Authorization: Bearer tb_…` with a key that is in force."


class MissingScope(Problem):
    status, code, title = 403, "missing_scope", "The API key may not do this"
    meaning = "The key is valid, but lacks the scope that `scope` names."
    remedy = "Use a key with that scope. `calls` and `usage:report` are given by the platform's staff."
    example = {"detail": "This needs a key with the scope calls.", "scope": "calls"}


class Suspended(Problem):
    status, code, title = 403, "suspended", "The organisation is suspended"
    meaning = "The platform's staff stopped this organisation. Open calls may still be settled or released."
    remedy = "The organisation's owner asks the platform's support; nothing a retry can change."


class LastOwner(Exception):
    """An organisation keeps at least one owner."""


class StaffIsNeverMember(Exception):
    """Platform staff see every organisation, so they may not also act as a customer of one."""


class AlreadyMember(Exception):
    """Nobody is a member of an organisation twice."""


class RoleNotYours(Exception):
    """Only owners make, change and remove owners; only owners and admins anybody else."""


class FormSentBefore(Exception):
    """The form has been sent already; sending it again does nothing more."""


class NeedsSecondPerson(Exception):
    """One person may not do this alone: it has to be asked for, and another one approves it."""


class MayNotDecide(Exception):
    """This person may not ask for, approve, refuse or withdraw this; the message says why, for staff."""


class AlreadyDecided(Exception):
    """The approval is no longer waiting: it was approved, refused or withdrawn, or it has expired."""


class CannotBeDone(Exception):
    """What was asked for can't be done as it was asked. Nothing was done; the message says why, for staff."""
