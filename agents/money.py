"""The money a write moves, read from its arguments or a fact. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agents.models import Operation
from cases.values import UNKNOWN, dig, number


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
        if raw is UNKNOWN and str(operation.money) not in operation.arguments.get("required", []):
            return None, ""
    amount = number(raw)
    if not isinstance(amount, Decimal):
        return UNKNOWN, ""
    currency = str(dig(arguments, operation.currency)) if operation.currency else company
    return amount, currency[:3]
