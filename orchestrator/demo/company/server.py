"""The HTTP side of the demo company: a thread per connection, so that a hanging answer holds up no other."""

from __future__ import annotations

import json
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from orchestrator.demo.company.company import Answer, Company, Request
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.routing import MOST_BYTES

_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


class Server(ThreadingHTTPServer):
    """Serves one company."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], company: Company) -> None:
        self.company = company
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one packet; else Nagle's algorithm delays each answer by 40 ms
    disable_nagle_algorithm = True
    timeout = 900

    def _serve(self) -> None:
        try:
            answer = self.server.company.answer(self._request())
        except Refused as refused:
            self.close_connection = True
            answer = Answer(refused.status, refused.body())
        if answer.wait:
            time.sleep(answer.wait)
        if answer.cut:
            self._hang_up()
        else:
            self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _request(self) -> Request:
        target = urlsplit(self.path)
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            raise Refused(400, "invalid", "Send the body with its Content-Length.")
        if int(length) > MOST_BYTES:
            raise Refused(413, "too_large", "The body is over 1 MB.")
        return Request(
            method=self.command,
            path=target.path,
            query=target.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
            from_here=self.client_address[0] in _LOOPBACK,
        )

    def _send(self, answer: Answer) -> None:
        body = json.dumps(answer.body, ensure_ascii=False).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _hang_up(self) -> None:
        """End the connection with a reset and no answer, as a process does that dies."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: what was done stands in the log of the company."""
