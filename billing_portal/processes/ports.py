"""TCP ports: one preferred by the person for the site, two that the servers keep among themselves."""

import json
import random
import socket
from collections.abc import Mapping
from pathlib import Path

from billing_portal.processes.errors import StartError
from billing_portal.processes.folders import write_private

HOST = "127.0.0.1"
BACKLOG = 2048
_ATTEMPTS = 50
# Below the range from which the kernel picks ports for outgoing connections: one of those could otherwise sit on a
# server's port at the moment the server restarts.
_SERVER_PORTS = range(20_000, 32_000)


def listen(preferred: int) -> socket.socket:
    """A listening socket on the preferred port, or on the next free one.

    Raises StartError when none of the next ports is free, or when the port needs rights we lack.
    """
    for port in range(preferred, min(preferred + _ATTEMPTS, 65_536)):
        try:
            return _without_delay(socket.create_server((HOST, port), backlog=BACKLOG))
        except PermissionError as error:
            raise StartError(f"Port {port} needs rights that this user lacks; set PORT to one above 1023.") from error
        except OSError:
            continue
    raise StartError(f"None of the ports from {preferred} on is free; set PORT to another one.")


def _without_delay(listener: socket.socket) -> socket.socket:
    """Answers go out at once: uvicorn takes a socket handed to it for a Unix one, on which there is nothing to set, and
    the second part of each answer (headers are the first) would wait 40 ms for the reader's acknowledgement.
    Connections inherit it.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def server_ports(file: Path, names: tuple[str, ...]) -> tuple[dict[str, int], list[str]]:
    """The ports of the servers and the names of those whose remembered port a stranger has taken.

    Ports are chosen once and kept in `file`, so that tools can go on using them.
    """
    kept = _read(file)
    ports: dict[str, int] = {}
    moved = []
    for name in names:
        port = kept.get(name, 0)
        if not port or not is_free(port):
            moved += [name] if port else []
            port = _choose(set(ports.values()))
        ports[name] = port
    write_private(file, json.dumps({**kept, **ports}) + "\n")
    return ports, moved


def is_free(port: int) -> bool:
    """Whether nobody listens on the port now."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _choose(taken: set[int]) -> int:
    for port in random.sample(_SERVER_PORTS, _ATTEMPTS):
        if port not in taken and is_free(port):
            return port
    raise StartError("No free port was found for the database or the queue.")


def _read(file: Path) -> Mapping[str, int]:
    try:
        return {str(name): int(port) for name, port in json.loads(file.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}  # first start, or a file that someone broke: choose anew
