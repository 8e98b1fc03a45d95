"""The money a write moves, read from its arguments or a fact. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agents.models import Operation
from cases.values import UNKNOWN, dig, number

TOO_MUCH = Decimal(10) ** 14  # more than a write's row can hold


def names(arguments: Mapping[str, Any], path: str) -> bool:
    """Whether the argument is there at all, be it null."""
    *above, last = path.split(".")
    inside = dig(arguments, ".".join(above)) if above else arguments
    return isinstance(inside, Mapping) and last in inside


def money_of(
    operation: Operation, arguments: Mapping[str, Any], *, company: str, fact: Any = UNKNOWN
) -> tuple[Any, str]:
    """(amount, currency): Decimal; None if no money moves (absent optional argument); UNKNOWN if it is odd.

    `company`: the company's currency; `fact`: the value of the fact that `money` names, if it names one.
    """
    if operation.money is None:
        return None, ""
    if isinstance(operation.money, Mapping):
        raw = fact
    else:
        raw = dig(arguments, str(operation.money))
        required = operation.arguments.get("required", [])
        if raw is UNKNOWN and str(operation.money) not in required and not names(arguments, str(operation.money)):
            return None, ""
    amount = number(raw)
    if not isinstance(amount, Decimal) or abs(amount) >= TOO_MUCH:
        return UNKNOWN, ""
    currency = str(dig(arguments, operation.currency)) if operation.currency else company
    return amount, currency[:3]
