"""Which account the servers run under. PostgreSQL refuses root, so root starts both servers as `nobody`."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from billing_portal.processes.errors import StartError


@dataclass(frozen=True)
class Account:
    """Another account that a child runs under."""

    uid: int
    gid: int

    def give(self, path: Path) -> None:
        """Make this account the owner of one file or folder."""
        os.chown(path, self.uid, self.gid)


def server_account() -> Account | None:
    """`nobody` when we are root, else None: the servers then run as ourselves."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def require_reachable(data: Path) -> None:
    """Raise StartError when another account could not reach `data` because a folder above it is closed."""
    for folder in data.parents:
        if not folder.stat().st_mode & 0o001:
            raise StartError(
                f"As root the database runs as 'nobody', who may not enter {folder}. "
                "Set PORTAL_DATA to a folder that others may enter, for example under /var/lib."
            )
