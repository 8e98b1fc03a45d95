"""Rows of floor 1, cut by noun: what is configured, what runs, what is remembered."""

from cases.models.config import (
    Calendar,
    Company,
    Example,
    Fact,
    RequestType,
    RequestTypeGroupPermission,
    RequestTypeUserPermission,
    Step,
    Team,
    Template,
)
from cases.models.ledger import Anchor, ChainHead, Event, EventDetail
from cases.models.running import Case, CaseSight, Message, Person
from cases.models.sorter import Sorter
from cases.models.words import CaseWords

__all__ = [
    "Anchor",
    "Calendar",
    "Case",
    "CaseSight",
    "CaseWords",
    "ChainHead",
    "Company",
    "Event",
    "EventDetail",
    "Example",
    "Fact",
    "Message",
    "Person",
    "RequestType",
    "RequestTypeGroupPermission",
    "RequestTypeUserPermission",
    "Sorter",
    "Step",
    "Team",
    "Template",
]
