"""Sockets of the HTTP connector: the guard at the moment of connecting, one total time limit, and what was
really sent.

httpcore's time limits are per read, so a server that drips one byte a second would hold a worker for ever;
here every read and write of a call gets only what is left of the whole. One pool per process and system,
never shared over a fork.
"""

import os
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

import httpcore
import httpx

from agents.connectors import guard
from agents.connectors.base import SystemSpec

CONNECTIONS = 20
IDLE_SECONDS = 4.0
"""Shorter than servers keep idle connections, so that a call rarely meets one that is just being closed."""


@dataclass
class Sending:
    """One call under way: when it must be over (monotonic seconds), and whether a byte of the request went
    out."""

    ends: float
    sent: bool = False

    def left(self) -> float:
        """Seconds left, never under a millisecond: zero would mean "do not block" to a socket."""
        return max(self.ends - time.monotonic(), 0.001)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.ends


_sending: ContextVar[Sending] = ContextVar("sending")


@contextmanager
def sending(seconds: float) -> Iterator[Sending]:
    """All socket work of this thread inside the block belongs to one call of at most `seconds`."""
    call = Sending(time.monotonic() + seconds)
    token = _sending.set(call)
    try:
        yield call
    finally:
        _sending.reset(token)


def seconds_left() -> float:
    """Seconds left for the call of this thread."""
    return _sending.get().left()


class WatchedStream(httpcore.NetworkStream):
    """A stream that keeps the call's total time limit and notes the first byte that goes out."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        call = _sending.get()
        if call.is_over:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, call.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = _sending.get()
        connection: socket.socket = self._stream.get_extra_info("socket")
        rest = memoryview(buffer)
        while rest:
            if call.is_over:
                raise httpcore.WriteTimeout
            call.sent = True
            try:
                connection.settimeout(call.left())
                rest = rest[connection.send(rest) :]
            except TimeoutError as error:
                raise httpcore.WriteTimeout from error
            except OSError as error:
                raise httpcore.WriteError from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return WatchedStream(self._stream.start_tls(ssl_context, server_hostname, _sending.get().left()))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class GuardedBackend(httpcore.SyncBackend):
    """Looks a name up once, judges every address, and connects to the very address that was judged."""

    def __init__(self, *, private_network: bool, resolve: guard.Resolve | None = None) -> None:
        self._private_network = private_network
        self._resolve = resolve or guard.look_up_name

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        call = _sending.get()
        addresses = guard.allowed_addresses(
            host, port, private_network=self._private_network, seconds=call.left(), resolve=self._resolve
        )
        for tried, address in enumerate(addresses, start=1):
            # A share of the time for each, so that one dead address does not use up what a living one needs.
            share = call.left() / (len(addresses) - tried + 1)
            try:
                return WatchedStream(super().connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if tried == len(addresses):
                    raise
        raise httpcore.ConnectError

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise httpcore.ConnectError


class Pools:
    """The connection pools of this process, one per system; a changed address or permission makes a new
    one."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew, as a forked process must: sockets of the parent are not ours."""
        self._lock = Lock()
        self._pools: dict[str, tuple[tuple[str, bool], httpcore.ConnectionPool]] = {}

    def pool_of(self, system: SystemSpec) -> httpcore.ConnectionPool:
        """The pool for `system` as it is described now. The one it replaces lives on for the calls it is
        serving."""
        described = (system.url, system.private_network)
        with self._lock:
            known = self._pools.get(system.name)
            if known is None or known[0] != described:
                known = self._pools[system.name] = (described, new_pool(system))
            return known[1]


def new_pool(system: SystemSpec, resolve: guard.Resolve | None = None) -> httpcore.ConnectionPool:
    """A pool that reaches `system` through the guard. No proxies, no retries, HTTP/1.1."""
    return httpcore.ConnectionPool(
        ssl_context=trusted_authorities(),
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=IDLE_SECONDS,
        network_backend=GuardedBackend(private_network=system.private_network, resolve=resolve),
    )


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Whom TLS trusts: certifi's list, or what SSL_CERT_FILE or SSL_CERT_DIR name. Read once, it takes a
    while."""
    return httpx.create_ssl_context()


POOLS = Pools()
os.register_at_fork(after_in_child=POOLS.forget)
