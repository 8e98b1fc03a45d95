"""Values of rows as plain JSON for an answer: decimals as numbers, times in ISO 8601 with zone, money as
text. Pure.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any


def plain(value: Any) -> Any:
    """`value` as what `json.dumps` takes without help. Lazy texts and ids become text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date | uuid.UUID):
        return str(value)
    return str(value)


def number(value: Decimal) -> int | float | str:
    """A decimal as a JSON number where that loses nothing, else as text."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else format(value, "f")


def moment(at: datetime | None) -> str | None:
    """ISO 8601 with zone, in UTC: `2026-11-22T02:42:10.120000Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def money(amount: Any, currency: str) -> dict[str, str] | None:
    """`{"amount": "480.00", "currency": "HKD"}`, or None if there is no amount."""
    if amount is None:
        return None
    try:
        exact = Decimal(str(amount))
        if not exact.is_finite():
            return None
        return {"amount": format(exact.quantize(Decimal("0.01")), "f"), "currency": currency}
    except InvalidOperation:
        return None
