"""What runs beside the product in a demo: its agents, and the local stand-ins that they call for real providers."""

import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from environ import Env

from billing_portal.paths import repository
from billing_portal.processes import environment, ports
from billing_portal.processes.child import Command

# A list of what they get, not of what they don't: a new secret must not reach them because nobody thought of it.
HARMLESS = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "TZ",
        "TMPDIR",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
        "LOCAL_PROVIDERS_URL",
    }
)


def listen(environ: Mapping[str, str], preferred: int) -> socket.socket | None:
    """The socket for the local providers, on the preferred port or the next free one. None where they are not wanted:
    without the demo, or with others named by LOCAL_PROVIDERS_URL. Raises StartError when no port is free.
    """
    demo = environ.get("DEMO", "1").lower() in Env.BOOLEAN_TRUE_STRINGS
    return ports.listen(preferred) if demo and "LOCAL_PROVIDERS_URL" not in environ else None


def urls(providers: socket.socket | None) -> dict[str, str]:
    """The setting that tells the other processes where the local providers are."""
    return {"LOCAL_PROVIDERS_URL": f"http://{ports.HOST}:{providers.getsockname()[1]}"} if providers else {}


def commands(env: Mapping[str, str], providers: socket.socket | None) -> list[Command]:
    """The local providers, on a socket that stays open while they are restarted."""
    if providers is None:
        return []
    descriptor = providers.fileno()
    return [
        Command(
            name="providers",
            argv=[sys.executable, "-m", "local.providers", f"--fd={descriptor}"],
            env=_without_secrets(env),
            cwd=repository(),
            stop_seconds=3.0,
            descriptors=(descriptor,),
        )
    ]


def agents(env: Mapping[str, str], keys: Path, url: str) -> list[Command]:
    """The agents of the site at `url`, with the API keys that the preparation wrote; none where it wrote none."""
    if not keys.exists():
        return []
    told = {"REDIS_URL": env["REDIS_URL"], "SIMULATION_API_URL": url, **environment.read(keys)}
    argv = [sys.executable, "-m", "local.simulation"]
    return [Command("simulation", argv, {**_without_secrets(env), **told}, repository(), stop_seconds=3.0)]


def _without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """They stand for strangers, who see neither our keys nor the way to our database."""
    return {name: value for name, value in env.items() if name in HARMLESS or name.startswith("LC_")}
