"""A small HTTP/1.1 server with keep-alive, which werkzeug's own does not have.

Requests and answers pass through it whole, so that every answer has a length and connections stay usable; at the
end all connections are closed and all threads joined.
"""

from __future__ import annotations

import io
import logging
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from http.server import HTTPServer
from socketserver import ThreadingMixIn
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

from emulator.protocol.errors import NoAnswer

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_BODYLESS = (204, 304)
# SO_LINGER with no time to linger: closing sends a reset and drops what is unsent.
_RESET = struct.pack("ii", 1, 0)
_log = logging.getLogger(__name__)


class Handler(MotoRequestHandler):
    """Serves the requests of one connection. The environ is moto's, which keeps metadata names as they were."""

    server: Server  # type: ignore[assignment]  # werkzeug asks for its own; Server has what the handler reads
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Answer one request."""
        environ = self.make_environ()
        if not (environ.get("CONTENT_LENGTH") or "0").isdecimal():
            self.close_connection = True
            return self._send("400 Bad Request", [], b"Content-Length is not a number")
        body = self._body(environ)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        started: list[tuple[str, list[tuple[str, str]]]] = []
        try:
            chunks = self.server.app(environ, lambda status, headers: started.append((status, headers)))
            self._send(*started[0], b"".join(chunks))
        except NoAnswer as wanted:
            self.close_connection = True
            if wanted.reset:
                self.server.reset(self.connection)
        except OSError:
            self.close_connection = True
        except Exception:
            _log.exception("%s %s failed", self.command, self.path)
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        """Ask for the body at once; the base class would leave that in the buffer."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):
            return bytes(environ["wsgi.input"].read())
        return self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        number, _, phrase = status.partition(" ")
        self.send_response(int(number), phrase)
        is_head = self.command == "HEAD"
        for name, value in headers:
            if is_head or name.lower() != "content-length":
                self.send_header(name, value)
        if not is_head and int(number) not in _BODYLESS:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if not is_head and int(number) not in _BODYLESS:
            self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the log of requests is in the control API."""


class Server(ThreadingMixIn, HTTPServer):
    """One thread per connection. ``host`` is a name or an address, of IPv6 too; ``port`` 0 takes a free one.

    :raises OSError: if the address cannot be had.
    """

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128
    allow_reuse_address = True
    # What the environ-making of werkzeug's handler reads from its own server.
    multithread = True
    multiprocess = False
    ssl_context = None
    _server_version = "emulator"

    def __init__(self, host: str, port: int, app: WsgiApp) -> None:
        self.app = app
        self._waker, self._wakened = socket.socketpair()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)

    def serve_forever(self, poll_interval: float = 0) -> None:
        """Serve until :meth:`shutdown`; unlike the base class's, this waits without polling."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._wakened, selectors.EVENT_READ)
            while not any(key.fileobj is self._wakened for key, _ in selector.select()):
                self._handle_request_noblock()  # type: ignore[attr-defined]  # typeshed leaves it out

    def shutdown(self) -> None:
        """End :meth:`serve_forever`, now or as soon as it is called."""
        self._waker.send(b"x")

    def server_bind(self) -> None:
        """Bind without asking the resolver for a name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to be able to end it."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def reset(self, connection: socket.socket) -> None:
        """Have a connection end with a TCP reset instead of in good order."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        with self._open_lock:
            self._open.discard(connection)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection as it ends."""
        with self._open_lock:
            is_orderly = request in self._open
            self._open.discard(request)
        if is_orderly:
            super().shutdown_request(request)
        else:
            # Shutting it down first would end it in good order.
            self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note an error that no handler caught; clients that hang up are none."""
        _log.debug("connection of %s ended", client_address, exc_info=True)

    def close(self) -> None:
        """Close every connection and wait for their threads. :meth:`serve_forever` must have returned."""
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        self.server_close()
        self._waker.close()
        self._wakened.close()
