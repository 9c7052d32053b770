"""Where this installation keeps its data. Standard library only: read before anything else is set up."""

import hashlib
import os
from pathlib import Path


def repository() -> Path:
    """The folder of the checkout that this code runs from."""
    return Path(__file__).resolve().parent.parent


def data_dir() -> Path:
    """The folder of databases, secrets, logs and pid files (it may not exist yet).

    `PORTAL_DATA` wins. Otherwise a normal user keeps the data inside the checkout. Root may not: PostgreSQL then
    runs as `nobody`, who cannot enter a checkout under `/root`, so each checkout gets a folder under `/var/lib`.
    """
    chosen = os.environ.get("PORTAL_DATA")
    if chosen:
        return Path(chosen).resolve()
    if os.geteuid() != 0:
        return repository() / "var"
    checkout = hashlib.sha256(str(repository()).encode()).hexdigest()[:8]
    return Path("/var/lib/transparent-billing") / checkout
