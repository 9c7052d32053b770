"""Fixtures of the local stand-ins: real processes on free ports, started when the first test asks for them."""

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from billing_portal.paths import repository
from billing_portal.processes import ports


@pytest.fixture(scope="session")
def providers() -> Iterator[str]:
    """OpenAI, Anthropic and Gemini in one local process; gives its base URL."""
    with ports.listen(21_500) as listener:
        command = [sys.executable, "-m", "local.providers", "--fd", str(listener.fileno()), "--seed", "1"]
        process = subprocess.Popen(command, cwd=repository(), pass_fds=[listener.fileno()])
        base = f"http://{ports.HOST}:{listener.getsockname()[1]}"
        try:
            _wait_for(base, process)
            yield base
        finally:
            process.kill()
            process.wait()


def _wait_for(base: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, "the local providers ended"
        try:
            if httpx.get(f"{base}/livez", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the local providers did not answer in 20 s")
