"""The data folder and what lies in it."""

import os
from dataclasses import dataclass
from pathlib import Path

from billing_portal.processes.account import require_reachable, server_account


@dataclass(frozen=True)
class Folders:
    """The folders under the data folder: logs and pid files are for us alone, the servers' files for them alone."""

    data: Path

    @property
    def log(self) -> Path:
        return self.data / "log"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def agents(self) -> Path:
        """The file with the API keys of the demo's agents."""
        return self.data / "agents.env"

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def valkey(self) -> Path:
        return self.data / "valkey"

    @property
    def binaries(self) -> Path:
        return self.data / "binaries"


def prepare(data: Path) -> Folders:
    """Make the data folder and those of logs and pid files.

    Raises StartError when root's servers could not reach it.
    """
    folders = Folders(data.resolve())
    _make_with_parents(folders.data)
    if server_account():
        require_reachable(folders.data)
        folders.data.chmod(0o711)  # enter, not list: `nobody` must reach its own folders inside
    for folder in (folders.log, folders.run):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folders


def _make_with_parents(folder: Path) -> None:
    """Like mkdir -p, but new folders may be entered by others whatever the umask says."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)


def write_private(path: Path, text: str) -> None:
    """Replace a file that only we may read, so that a crash leaves the old or the new text, never half of it."""
    fresh = path.with_name(path.name + ".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
