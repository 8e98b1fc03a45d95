"""Choose before you see the suggestion: where a type asks for it, and what the page leaves out until then. Pure.

At high risk only. It is the page that keeps it back: the suggestion shows on the check page, once there is a choice.
"""

from collections.abc import Iterable

from approvals.models import Approval
from approvals.sheet import Option
from cases.models import Event, RequestType

TELLS = ("suggested", "why")  # of a proposal's entry in the ledger


def asked_of(type_: RequestType | None, risk: str) -> bool:
    return bool(type_ is not None and type_.suggestion_after_choice and risk == "high")


def chooses_first(approval: Approval) -> bool:
    """Whether whoever decides this does so before they see what is suggested."""
    waits = approval.state == Approval.State.WAITING
    return bool(waits and approval.proposal.suggested and asked_of(approval.case.type, approval.risk))


def without_mark(options: Iterable[Option]) -> None:
    """No option stands out."""
    for option in options:
        option.suggested = False


def untold(events: list[Event]) -> list[Event]:
    """The events for reading, without what an entry about a proposal says of its suggestion."""
    for event in events:
        detail = getattr(event, "detail", None)
        if event.code.startswith("proposal.") and detail is not None and isinstance(detail.data, dict):
            detail.data = {name: value for name, value in detail.data.items() if name not in TELLS}
    return events
