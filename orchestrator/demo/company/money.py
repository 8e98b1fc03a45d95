"""Amounts of the demo company: Hong Kong dollars with two decimals, counted exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from orchestrator.demo.company.errors import Refused


def amount_of(value: Any) -> Decimal:
    """The amount in HKD as it was written; 422 if it has more than two decimals."""
    amount = Decimal(str(value))
    if amount != amount.quantize(Decimal("0.01")):
        raise Refused(422, "invalid", "An amount has at most two decimals.")
    return amount


def shown(amount: Decimal) -> float:
    """The amount as a JSON number; two decimals up to a million are exact enough to come back the same."""
    return float(amount)
