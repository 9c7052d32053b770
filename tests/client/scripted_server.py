"""A real HTTP server on loopback that answers what a test scripted, one step per request, and remembers what came."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An answer: `body` is sent as JSON, or as it is when bytes; `half` announces more than it sends and hangs up."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    half: bool = False


@dataclass(frozen=True)
class Cut:
    """The connection is closed after the request was read, without an answer."""


@dataclass(frozen=True)
class Silence:
    """No answer until the test ends."""


@dataclass(frozen=True)
class Drip:
    """An answer that sends a byte at a time and never ends."""


Step = Reply | Cut | Silence | Drip


@dataclass(frozen=True)
class Received:
    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


class ScriptedServer:
    """`steps` are used up in order; a request too many gets 418, which no retry rule knows. Refuses until `listen`."""

    def __init__(self) -> None:
        self.steps: deque[Step] = deque()
        self.received: list[Received] = []
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._listening = False
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.take), bind_and_activate=False)
        self._http.daemon_threads = True
        self._http.request_queue_size = 64
        # Bound and not listening, connections are refused and nobody else can be given the port.
        self._http.server_bind()

    def listen(self) -> None:
        self._http.server_activate()
        self._listening = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def script(self, *steps: Step) -> None:
        self.steps.extend(steps)

    def take(self, handler: BaseHTTPRequestHandler) -> tuple[Step, threading.Event]:
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.received.append(Received(time.monotonic(), handler.command, handler.path, headers, body))
            return (self.steps.popleft() if self.steps else Reply(418)), self.ending

    def close(self) -> None:
        self.ending.set()
        if self._listening:
            self._http.shutdown()
        self._http.server_close()


def _handler(take: Callable[[BaseHTTPRequestHandler], tuple[Step, threading.Event]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            step, ending = take(self)
            self.close_connection = not isinstance(step, Reply) or step.half
            match step:
                case Reply():
                    self._reply(step)
                case Cut():
                    self.connection.shutdown(socket.SHUT_RDWR)
                case Silence():
                    ending.wait()
                case Drip():
                    self._drip(ending)

        def _reply(self, step: Reply) -> None:
            body = step.body if isinstance(step.body, bytes) else json.dumps(step.body).encode()
            # The plain form adds a Date header, which a test that gives its own does not want twice.
            (self.send_response_only if "Date" in step.headers else self.send_response)(step.status)
            for name, value in step.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) * (2 if step.half else 1)))
            self.end_headers()
            self.wfile.write(body)

        def _drip(self, ending: threading.Event) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while not ending.wait(0.02):
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

        def log_message(self, format: str, *args: Any) -> None:
            pass

        do_GET = do_POST = _answer  # noqa: N815 names of the standard library

    return Handler


@contextmanager
def scripted_server(*, listening: bool = True) -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    if listening:
        server.listen()
    try:
        yield server
    finally:
        server.close()
