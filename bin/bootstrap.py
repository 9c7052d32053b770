#!/usr/bin/env python3
"""Prepare this checkout (system packages, virtual environment, pinned requirements), then run a command in it.

Standard library only and no other file of the project: it runs before anything is installed.

    bin/bootstrap.py run  [COMMAND …]    what the product needs
    bin/bootstrap.py test [COMMAND …]    that, and what tests and checks need
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
LOCKS = {"run": ["requirements.txt"], "test": ["requirements.txt", "requirements-dev.txt"]}
GROUPS = {"run": ["run"], "test": ["run", "test"]}


def main() -> None:
    """Prepare for the purpose in the first argument, then become the command in the others."""
    if len(sys.argv) < 2 or sys.argv[1] not in LOCKS:
        sys.exit(__doc__)
    if sys.version_info < (3, 11):  # noqa: UP036 - the Python that came with the machine may be older
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    purpose, command = sys.argv[1], sys.argv[2:]
    install_system_packages(GROUPS[purpose])
    prepare_environment(purpose)
    if command:
        os.chdir(ROOT)
        os.execv(PYTHON, [str(PYTHON), *command])


def say(text: str, end: str = "\n") -> None:
    """Print at once."""
    print(text, end=end, flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, then how many seconds it took."""
    begun = time.monotonic()
    say(f"{title} … ", end="")
    yield
    say(f"{time.monotonic() - begun:.1f} s")


# --- System packages --------------------------------------------------------------------------------------------------


def install_system_packages(groups: list[str]) -> None:
    """Install missing packages where we may; otherwise say exactly what to install, and go on."""
    missing = [name for name in _packages(groups) if not _is_installed(name)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say(f"Not installed: {' '.join(missing)} (see system-packages.txt). On Debian:")
        say(f"    sudo apt-get install --no-install-recommends {' '.join(missing)}")
        return
    with step(f"Installing {' '.join(missing)}"):
        done = _apt_get("update", "-q") and _apt_get("install", "-q", "-y", "--no-install-recommends", *missing)
    if not done:
        say("Some packages could not be installed; going on without them.")


def _packages(groups: list[str]) -> list[str]:
    lines = (line.split() for line in (ROOT / "system-packages.txt").read_text().splitlines())
    return [words[1] for words in lines if len(words) == 2 and words[0] in groups]


def _is_installed(package: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout == "installed"


def _apt_get(*arguments: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        say(f"\napt-get {arguments[0]} failed:\n{done.stderr[-2000:]}")
    return done.returncode == 0


# --- Virtual environment ----------------------------------------------------------------------------------------------


def prepare_environment(purpose: str) -> None:
    """Make the virtual environment and install the pinned requirements, unless both are as the locks say."""
    wanted = {name: _fingerprint(name) for name in LOCKS[purpose]}
    with _alone():
        installed = _read_stamp()
        if all(installed.get(name) == fingerprint for name, fingerprint in wanted.items()) and PYTHON.exists():
            return
        if not _works():
            with step("Creating the virtual environment"):
                _create()
        with step(f"Installing {LOCKS[purpose][-1]}"):
            _install(LOCKS[purpose][-1])
        _put_client_on_path()
        STAMP.write_text(json.dumps(wanted))


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two commands at once must not install into the same folder."""
    with (ROOT / ".venv.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fingerprint(lock: str) -> str:
    """Changes with the pins, with the Python and when the checkout was moved (scripts name its folder)."""
    python = f"{sys.version_info[:2]}{ROOT}"
    return hashlib.sha256((ROOT / lock).read_bytes() + python.encode()).hexdigest()


def _read_stamp() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def _works() -> bool:
    """Whether the environment runs and is of our Python's version."""
    question = "import sys, pip; print(sys.version_info[:2], sys.prefix)"
    try:
        answer = subprocess.run([PYTHON, "-c", question], capture_output=True, text=True)
    except OSError:
        return False
    return answer.stdout.strip() == f"{sys.version_info[:2]} {VENV}"


def _create() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"\n{done.stdout}{done.stderr}\nPython's venv is needed: sudo apt-get install python3-venv")


def _install(lock: str) -> None:
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--require-hashes", "-r", lock], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"\n{done.stderr[-4000:]}\nThe requirements could not be installed.")


def _put_client_on_path() -> None:
    """The Python client is a folder of this checkout; a local folder has no hash, so it cannot stand in the lock."""
    question = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([PYTHON, "-c", question], capture_output=True, text=True, check=True).stdout.strip()
    (Path(site) / "billing_client_folder.pth").write_text(f"{ROOT / 'client'}\n")


if __name__ == "__main__":
    main()
