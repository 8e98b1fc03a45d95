"""Rows of floor 2, cut by noun: what is configured, what stops it, what runs."""

from agents.models.config import (
    Agent,
    CompanyCalls,
    FactSource,
    FallbackCard,
    FallbackStep,
    Grant,
    Operation,
    StepWork,
    System,
    SystemHealth,
)
from agents.models.running import Proposal, Run, Subject, Write
from agents.models.switches import Policy, Switch

__all__ = [
    "Agent",
    "CompanyCalls",
    "FactSource",
    "FallbackCard",
    "FallbackStep",
    "Grant",
    "Operation",
    "Policy",
    "Proposal",
    "Run",
    "StepWork",
    "Subject",
    "Switch",
    "System",
    "SystemHealth",
    "Write",
]
