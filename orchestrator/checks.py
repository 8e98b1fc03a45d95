"""Numbered system checks of the product: settings that would be wrong to run with.

`manage.py` asks for them by itself. Web, workers and beat do not, so they call `refuse_bad_settings` as they start.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.http.request import split_domain_port, validate_host

from orchestrator.environment import BadEnvironment

SETTINGS = "settings"  # the tag of those that cost nothing, for commands that leave out the others


def refuse_bad_settings() -> None:
    """For processes that Django checks nothing for. Raises `BadEnvironment` with all that is wrong."""
    if found := [*fixed_clock(), *field_keys(), *ledger_key()]:
        raise BadEnvironment("\n".join(f"{one.msg} {one.hint}" for one in found))


@register(SETTINGS)
def fixed_clock(**_: Any) -> list[CheckMessage]:
    """E001, E002: a fixed clock must be a time, and belongs to the demo and the tests only."""
    if not settings.FIXED_NOW:
        return []
    found: list[CheckMessage] = []
    if not (settings.DEMO or settings.DEBUG):
        found.append(
            Error(
                "FIXED_NOW is set outside the demo.",
                hint="Take FIXED_NOW out of the environment: facts and formulas must see the real time.",
                id="work.E001",
            )
        )
    try:
        datetime.fromisoformat(settings.FIXED_NOW).replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
    except ValueError:
        found.append(
            Error(
                "FIXED_NOW is not a time.",
                hint="Write it like 2026-03-02T10:00:00+08:00.",
                id="work.E002",
            )
        )
    return found


@register(SETTINGS)
def field_keys(**_: Any) -> list[CheckMessage]:
    """E003: the keys of encrypted fields must be Fernet keys."""
    try:
        for key in settings.FIELD_KEYS:
            Fernet(key)
    except ValueError:
        make = "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"
        hint = f"Make one with: python -c '{make}'"
        return [Error("FIELD_KEYS has a value that is not a Fernet key.", hint=hint, id="work.E003")]
    return []


@register(SETTINGS)
def ledger_key(**_: Any) -> list[CheckMessage]:
    """E004: each key that signs anchors must be long, and not the one that signs sessions."""
    keys = [part.strip() for part in settings.LEDGER_KEY.split(",") if part.strip()]
    if keys and all(len(key) >= 32 and key != settings.SECRET_KEY for key in keys):
        return []
    return [
        Error(
            "LEDGER_KEY must have at least 32 characters and differ from SECRET_KEY; with several keys, each of them.",
            hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
            id="work.E004",
        )
    ]


@register(SETTINGS, deploy=True)
def addresses(**_: Any) -> list[CheckMessage]:
    """W001, W002: the address that stands in mails must be one that people can open, under a host name of its own."""
    found: list[CheckMessage] = []
    address = urlsplit(settings.PUBLIC_URL)
    host, _port = split_domain_port(address.netloc)
    if address.scheme != "https" or not validate_host(host, settings.ALLOWED_HOSTS):
        found.append(
            Warning(
                "PUBLIC_URL is not an https address under one of ALLOWED_HOSTS.",
                hint="Links in mails begin with PUBLIC_URL. Set it to https://work.example.com, and ALLOWED_HOSTS to "
                "work.example.com: pages under any other host name are refused.",
                id="work.W001",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Warning(
                "ALLOWED_HOSTS lets every host name through.",
                hint="Name the hosts under which people and programs come, with commas between them.",
                id="work.W002",
            )
        )
    return found
