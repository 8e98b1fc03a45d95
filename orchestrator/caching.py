"""The shared cache on Redis, which may be gone or silent at any time: meanwhile each process has a cache of its own.

Nothing that matters stands in the cache. What is counted in it (tries to sign in, calls of a token) is then counted
by each process for itself, so no limit is ever off.
"""

import logging
import time
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
REST = 5.0  # seconds that a silent server is left alone: each try may cost a caller the whole time-out

_left_alone_until = 0.0  # monotonic; of this process, whichever thread found out


class KeptClient(RedisCacheClient):
    """Django makes a client anew for every question, with all its tables of commands; this one keeps it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._kept: dict[bool, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        if write not in self._kept:
            self._kept[write] = super().get_client(key, write=write)
        return self._kept[write]


class SharedCache(RedisCache):
    """Redis; while it does not answer, this process's memory."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClient
        kept = {name: value for name, value in params.items() if name != "OPTIONS"}
        self._meanwhile = LocMemCache("while-the-shared-cache-is-away", kept)

    def _ask(self, name: str, *given: Any, **named: Any) -> Any:
        global _left_alone_until
        if time.monotonic() >= _left_alone_until:
            try:
                return getattr(super(), name)(*given, **named)
            except (RedisError, OSError) as error:
                _left_alone_until = time.monotonic() + REST
                log.warning("cache.unreachable", extra={"error": type(error).__name__})
        return getattr(self._meanwhile, name)(*given, **named)

    def add(self, *given: Any, **named: Any) -> bool:
        return bool(self._ask("add", *given, **named))

    def get(self, *given: Any, **named: Any) -> Any:
        return self._ask("get", *given, **named)

    def set(self, *given: Any, **named: Any) -> None:
        self._ask("set", *given, **named)

    def touch(self, *given: Any, **named: Any) -> bool:
        return bool(self._ask("touch", *given, **named))

    def delete(self, *given: Any, **named: Any) -> bool:
        return bool(self._ask("delete", *given, **named))

    def get_many(self, *given: Any, **named: Any) -> dict[Any, Any]:
        return dict(self._ask("get_many", *given, **named))

    def set_many(self, *given: Any, **named: Any) -> list[Any]:
        return list(self._ask("set_many", *given, **named))

    def delete_many(self, *given: Any, **named: Any) -> None:
        self._ask("delete_many", *given, **named)

    def has_key(self, *given: Any, **named: Any) -> bool:
        return bool(self._ask("has_key", *given, **named))

    def incr(self, *given: Any, **named: Any) -> int:
        return int(self._ask("incr", *given, **named))

    def clear(self) -> None:
        self._ask("clear")
