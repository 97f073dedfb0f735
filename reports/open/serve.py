"""Hand a trace to ui.perfetto.dev: serve one file on loopback and give the address that opens it there.

Perfetto's UI loads a trace by `#!/?url=`; its content security policy lets it fetch from this machine only through
http://127.0.0.1:9001 (the port of its own trace_processor), and the answer must allow its origin.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

from launchlens.traces.problems import InputError

ORIGIN = "https://ui.perfetto.dev"
HOST, PORT = "127.0.0.1", 9001
_BLOCK = 1 << 20
#: How long a connection may take to ask for something, seconds, and how many there may be that have not yet: each has a thread.
ASKS_S, MOST_SILENT = 10.0, 64
#: How often the server looks for what is to be ended, itself among it, seconds: a command that is done waits for that.
LOOKS_S = 0.05


class TraceServer(ThreadingHTTPServer):
    """Serves one file, to Perfetto's UI alone, from loopback alone, at an address that nobody else on the machine can guess.

    `fetched` is set when the file has been sent whole. Raises OSError when the port is taken.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, path: Path, port: int = PORT) -> None:
        self.path = path
        self.fetched = threading.Event()
        self._secret = secrets.token_urlsafe(16)
        self._silent: dict[socket.socket, float] = {}
        super().__init__((HOST, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own, for as long as it does not take too long to ask."""
        self._silent[request] = monotonic()
        self._end_silent(MOST_SILENT)
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Every LOOKS_S: end what was opened and asks for nothing, or a letter at a time."""
        self._end_silent(MOST_SILENT)

    def asked(self, request: socket.socket) -> None:
        """Take note that a connection has asked, or has gone."""
        self._silent.pop(request, None)

    def _end_silent(self, most: int) -> None:
        silent = list(self._silent.items())
        for number, (request, since) in enumerate(silent):
            if number < len(silent) - most or monotonic() - since > ASKS_S:
                self.asked(request)
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)  # what waits for its next letter gets the end

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that its other side has dropped, as a closed tab does at any moment."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """Where on this server the file lies, whatever bytes its name is made of."""
        return f"/{self._secret}/{quote(os.fsencode(self.path.name))}"

    @property
    def trace_url(self) -> str:
        """The address of the file itself."""
        return f"http://{HOST}:{self.server_address[1]}{self.address}"

    @property
    def ui_url(self) -> str:
        """The address to open in a browser."""
        return f"{ORIGIN}/#!/?url={quote(self.trace_url, safe=':/')}"


def serve(path: Path, port: int, wait_s: float, announce: Callable[[str], None]) -> bool:
    """Serve `path` until Perfetto's page has fetched it, for `wait_s` seconds at most (0: without end); whether it did.

    `announce` is given the address to open. Raises InputError when the port is taken.
    """
    try:
        server = TraceServer(path, port)
    except OSError as error:
        raise InputError(
            f"port {port}", f"can't be served on: {error.strerror}", "stop what holds it (trace_processor does)"
        ) from None
    threading.Thread(target=server.serve_forever, args=(LOOKS_S,), daemon=True).start()
    try:
        announce(server.ui_url)
        return server.fetched.wait(wait_s or None)
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: TraceServer
    server_version = "launchlens"
    sys_version = ""

    def parse_request(self) -> bool:
        asks = super().parse_request()
        self.server.asked(self.request)
        return asks

    def finish(self) -> None:
        self.server.asked(self.request)
        super().finish()

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def do_GET(self) -> None:
        self._answer(self._send_file)

    def do_HEAD(self) -> None:
        self._answer(lambda: None)

    def do_OPTIONS(self) -> None:
        if not self._may_ask():
            self.send_error(404)
            return
        self.send_response(204)
        self._allow()
        self.send_header("Access-Control-Allow-Methods", "GET, HEAD")
        # Chromium asks before a public page may reach a loopback address
        self.send_header("Access-Control-Allow-Private-Network", "true")
        self.end_headers()

    def _answer(self, send_body: Callable[[], None]) -> None:
        if not self._may_ask():
            self.send_error(404)
            return
        self.send_response(200)
        self._allow()
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(self.server.path.stat().st_size))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        send_body()

    def _may_ask(self) -> bool:
        """Whether it asks for the file, by its address, and may."""
        # a page elsewhere that had its own name resolve to loopback would send that name here
        hosts = [[f"{name}:{self.server.server_address[1]}"] for name in (HOST, "localhost")]
        asks_for_it = self.headers.get_all("Host") in hosts and self.path == self.server.address
        return asks_for_it and self._is_asked_by_perfetto()

    def _is_asked_by_perfetto(self) -> bool:
        """Whether a page of Perfetto's asks, or what is no browser: the address is known to whom it was told alone."""
        origins, site = self.headers.get_all("Origin"), self.headers.get("Sec-Fetch-Site")
        return origins == [ORIGIN] or (origins is None and site in (None, "none"))

    def _send_file(self) -> None:
        try:
            with open(self.server.path, "rb") as file:
                while block := file.read(_BLOCK):
                    self.wfile.write(block)
        except ConnectionError:  # the tab was closed; another may fetch it
            self.close_connection = True
            return
        self.server.fetched.set()

    def _allow(self) -> None:
        self.send_header("Access-Control-Allow-Origin", ORIGIN)
        self.send_header("Vary", "Origin")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what is worth saying, the command says."""
