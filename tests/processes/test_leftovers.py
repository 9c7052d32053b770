"""Which processes of an earlier run are ended, and which never."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_portal.processes import leftovers, proc


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, as a child of the supervisor would be."""
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "GRACE_SECONDS", 0.2)


def test_a_recorded_process_is_ended(stranger: subprocess.Popen[bytes], tmp_path: Path) -> None:
    leftovers.record(tmp_path / "web-1.pid", stranger.pid)
    assert leftovers.clear(tmp_path, tmp_path, time.sleep) == 1
    assert proc.look_up(stranger.pid) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("started", "boot"),
    [(1, None), (None, "another-boot")],
    ids=["another start time", "another boot"],
)
def test_a_pid_given_to_somebody_else_is_left_alone(
    stranger: subprocess.Popen[bytes], tmp_path: Path, started: int | None, boot: str | None
) -> None:
    now = proc.look_up(stranger.pid)
    assert now
    (tmp_path / "web-1.pid").write_text(f"{now.pid} {started or now.started} {boot or proc.boot_id()}\n")
    assert leftovers.clear(tmp_path, tmp_path, time.sleep) == 0
    assert stranger.poll() is None


def test_a_half_written_file_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "web-1.pid").write_text("12")
    assert leftovers.clear(tmp_path, tmp_path, time.sleep) == 0
