"""What the first answer in force fixed: its option, and the values as it changed them. Later people confirm or reject.

What they have to see stands in the fingerprint that their answer names: values that were changed make another one.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from agents.models import Write
from agents.money import money_of
from approvals.models import Approval, Decision
from cases.canonical import digest


def said_first() -> Any:
    """The first answer in force as one value, for a query of approvals."""
    rows = Decision.objects.filter(approval=OuterRef("pk"), undone_at=None).order_by("pk")
    names = ("user_id", "label", "covering_label", "override", "team", "option", "edits", "nonce")
    return rows.values(one=JSONObject(**{name: name for name in names}))[:1]


def told(approval: Approval, said: Mapping[str, Any] | None) -> Decision | None:
    """A row for reading, as the one query gave it; None where nobody answered, or no answer is needed any more."""
    return Decision(**said) if said and approval.state == Approval.State.WAITING else None


def first_of(approval: Approval, decisions: Iterable[Decision]) -> Decision | None:
    """The same of the decisions of one approval, in their order."""
    waits = approval.state == Approval.State.WAITING
    return next((one for one in decisions if one.undone_at is None), None) if waits else None


def to_name(approval: Approval, first: Decision | None) -> str:
    """The fingerprint that an answer has to name."""
    if first is None or not first.edits:
        return approval.fingerprint
    return digest([approval.fingerprint, first.option, first.edits])


def as_fixed(writes: Sequence[Write], first: Decision | None) -> list[Write]:
    """The writes with the values that the first answer fixed for them; for reading, and never saved."""
    for write in writes:
        changed = first.edits.get(write.name) if first is not None and write.option == first.option else None
        if changed:
            write.decided = {**write.proposed, **changed}
            if not isinstance(write.operation.money, Mapping):
                amount, _currency = money_of(write.operation, write.decided, company=write.currency)
                write.money = amount if isinstance(amount, Decimal) else None
    return list(writes)
