"""Numbered system checks of the product: settings that would be wrong to run with."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
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


@register()
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


@register()
def ledger_key(**_: Any) -> list[CheckMessage]:
    """E004: the key that signs anchors must be long, and not the one that signs sessions."""
    if len(settings.LEDGER_KEY) >= 32 and settings.LEDGER_KEY != settings.SECRET_KEY:
        return []
    return [
        Error(
            "LEDGER_KEY must have at least 32 characters and differ from SECRET_KEY.",
            hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
            id="work.E004",
        )
    ]
