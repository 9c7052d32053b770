"""A normal user is told exactly which Debian packages are missing, and the command goes on."""

import subprocess
import sys
from pathlib import Path

from billing_portal.paths import repository

PROGRAM = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
import bootstrap
bootstrap.ROOT = pathlib.Path(sys.argv[2])
if os.geteuid() == 0:
    os.setuid(65534)
bootstrap.install_system_packages(["run"])
print("went on")
"""


def test_a_normal_user_is_told_what_to_install(reachable_folder: Path) -> None:
    listed = "# a comment\nrun  libmissing-1.0-0\nrun  base-files\ntest libbrowser-missing\n"
    (reachable_folder / "system-packages.txt").write_text(listed)
    command = [sys.executable, "-c", PROGRAM, str(repository() / "bin"), str(reachable_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "sudo apt-get install --no-install-recommends libmissing-1.0-0\n" in done.stdout
    assert "base-files" not in done.stdout
    assert "libbrowser-missing" not in done.stdout
    assert done.stdout.endswith("went on\n")
