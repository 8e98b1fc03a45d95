"""Typed readers for environment variables. A bad value is refused with a sentence that names the variable.

Nothing else reads `os.environ`, except the programs that start other programs.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


class BadEnvironment(Exception):
    """An environment variable has a value that cannot be used."""


@dataclass(frozen=True)
class Environment:
    """Reads one mapping of variables; an empty value counts as not set."""

    values: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        """The text of `name`, or `default`."""
        return self.values.get(name, "").strip() or default

    def needed(self, name: str, by: str) -> str:
        """A text that must be there, because the variable `by` is."""
        value = self.text(name)
        if not value:
            raise BadEnvironment(f"{name} must be set, because {by} is.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True for 1, true, yes, on; False for 0, false, no, off; anything else is refused."""
        value = self.text(name).lower()
        if not value:
            return default
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise BadEnvironment(f"{name} must be yes or no, not {value!r}.")

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number between `least` and `most`, both allowed."""
        value = self.text(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit()) or not least <= int(value) <= most:
            raise BadEnvironment(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
        return int(value)

    def names(self, name: str) -> list[str]:
        """A list written with commas; empty places are dropped."""
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """Pairs written as `left=right`, with commas between them."""
        found = [part.partition("=") for part in self.names(name)]
        if not all(left.strip() and middle and right.strip() for left, middle, right in found):
            raise BadEnvironment(f"{name} must look like left=right, other=thing.")
        return [(left.strip(), right.strip()) for left, _middle, right in found]

    def folder(self, name: str, default: Path) -> Path:
        """An absolute folder; it need not exist yet."""
        return Path(self.text(name) or default).expanduser().absolute()

    def address(self, name: str, default: str = "") -> str:
        """A web address with its scheme, without a slash at its end."""
        value = self.text(name, default).rstrip("/")
        if value and not _ADDRESS.fullmatch(value):
            raise BadEnvironment(f"{name} must look like https://work.example.com, not {value!r}.")
        return value

    def one_of(self, name: str, default: str, choices: set[str]) -> str:
        """One of the given words."""
        value = self.text(name, default)
        if value not in choices:
            raise BadEnvironment(f"{name} must be one of {', '.join(sorted(choices))}, not {value!r}.")
        return value


environment = Environment(os.environ)


def _address_of_server(name: str, url: str) -> tuple[SplitResult, int | None]:
    """The parts of an address and its port. Raises `BadEnvironment` in words of our own: what Python says of a wrong
    port is the beginning of the password, where a sign in it ends the host.
    """
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise BadEnvironment(
            f"{name} has a host or a port that cannot be read. In a user name or password #, /, ?, [ and ] "
            "are written as %23, %2F, %3F, %5B and %5D."
        ) from None


POSTGRES_SCHEMES = {"postgres", "postgresql"}


def postgres_settings(name: str, url: str) -> dict[str, Any]:
    """Django's database settings for a `postgresql://user:password@host:port/name?option=value` address.

    A folder with a socket is given as `?host=/folder`. Raises `BadEnvironment` without showing the password.
    """
    wanted = f"{name} must look like postgresql://user:password@host:5432/name"
    parts, port = _address_of_server(name, url)
    if parts.scheme not in POSTGRES_SCHEMES:
        raise BadEnvironment(f"{wanted}, not {parts.scheme or 'something without a scheme'}://…")
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise BadEnvironment(f"{wanted}; the name of the database is missing.")
    options: dict[str, object] = dict(parse_qsl(parts.query))
    host = str(options.pop("host", "") or unquote(parts.hostname or ""))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "OPTIONS": options,
    }


BROKER_SCHEMES = {"redis", "rediss", "redis+socket", "amqp", "amqps", "pyamqp", "memory"}


def broker_address(name: str, url: str) -> str:
    """The address of a broker, checked for a scheme that is known."""
    scheme = _address_of_server(name, url)[0].scheme
    if scheme not in BROKER_SCHEMES:
        raise BadEnvironment(
            f"{name} must begin with redis://, rediss://, redis+socket:// or amqp://, not {scheme or 'nothing'}://…"
        )
    return url


CACHE_TABLE = "cache_entries"


def cache_settings(name: str, url: str) -> dict[str, Any]:
    """Django's cache settings: `redis://`, `rediss://`, `unix://`, `database://table` or `memory://`."""
    parts, _port = _address_of_server(name, url)
    if parts.scheme in {"redis", "rediss", "unix"}:
        return {
            "BACKEND": "orchestrator.caching.SharedCache",
            "LOCATION": url,
            "KEY_PREFIX": "work-command",
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        }
    if parts.scheme == "database":
        return {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": parts.netloc or CACHE_TABLE,
        }
    if parts.scheme == "memory":
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    raise BadEnvironment(f"{name} must begin with redis://, rediss://, unix://, database:// or memory://.")


def cache_beside(broker: str) -> str:
    """The cache that goes with a broker: the same Redis, else a table of the database."""
    parts = urlsplit(broker)
    if parts.scheme in {"redis", "rediss"}:
        return broker
    if parts.scheme == "redis+socket":
        return f"unix://{parts.path}?db=1"
    return "memory://" if parts.scheme == "memory" else f"database://{CACHE_TABLE}"
