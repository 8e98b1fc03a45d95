"""Choose before you see the suggestion: where a type asks for it, and what the page leaves out until then. Pure.

At high risk only. It is the page that keeps it back: the suggestion shows on the check page, once there is a choice.
"""

from collections.abc import Iterable
from typing import Any

from approvals.models import Approval
from approvals.sheet import Option
from cases.models import Event, RequestType

TELLS = frozenset({"suggested", "suggest_when"})  # wherever it stands in an entry of the ledger
OF_PROPOSAL = TELLS | {"why"}  # of a proposal's own: what the AI says for it


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
    """The events for reading, without what any of them says of the suggestion: a first decision names it too."""
    for event in events:
        detail = getattr(event, "detail", None)
        if detail is not None and isinstance(detail.data, dict):
            tells = OF_PROPOSAL if event.code.startswith("proposal.") else TELLS
            detail.data = {name: _without(inner) for name, inner in detail.data.items() if name not in tells}
    return events


def _without(inner: Any) -> Any:
    if isinstance(inner, dict):
        return {name: _without(one) for name, one in inner.items() if name not in TELLS}
    return [_without(one) for one in inner] if isinstance(inner, list) else inner
