"""Generated secrets, and the settings that the start command writes for the processes and for `manage.py`."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from billing_portal.processes.folders import write_private

_GENERATED = (
    "POSTGRES_PASSWORD",
    "PORTAL_OWNER_PASSWORD",
    "PORTAL_APP_PASSWORD",
    "VALKEY_PASSWORD",
    "SECRET_KEY",
    "API_KEY_HMAC_KEY",
)


def read(file: Path) -> dict[str, str]:
    """The KEY=VALUE lines of a file; empty when there is none."""
    if not file.exists():
        return {}
    lines = (line.partition("=") for line in file.read_text().splitlines() if "=" in line)
    return {key: value for key, _, value in lines}


def write(file: Path, values: Mapping[str, str]) -> None:
    """Replace the file, readable by us alone."""
    write_private(file, "".join(f"{key}={value}\n" for key, value in values.items()))


def generated_secrets(file: Path) -> dict[str, str]:
    """The secrets of this installation, made once; a name that a newer version needs is added."""
    known = read(file)
    # Letters, digits, '-' and '_' only: they stand in URLs and in lines without quoting.
    complete = known | {name: secrets.token_urlsafe(48) for name in _GENERATED if name not in known}
    if complete != known:
        write(file, complete)
    return complete
