"""What members may do about each other. Pure."""

from organisations.models import Member

OWNER, ADMIN = Member.Role.OWNER, Member.Role.ADMIN


def may_set(acting: str, *roles: str) -> bool:
    """Whether `acting` may give, change or take these roles: owners any, admins every one but owner.

    An admin who could make owners could make themselves one; who could remove them could take the organisation over.
    """
    return acting == OWNER or (acting == ADMIN and OWNER not in roles)


def roles_given_by(acting: str) -> list[tuple[str, str]]:
    """The roles that `acting` may give, with their labels, strongest first."""
    return [(role.value, role.label) for role in Member.Role if may_set(acting, role)]
