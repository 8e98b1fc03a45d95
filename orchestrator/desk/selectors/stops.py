"""What the AI status page shows: what could be paused, what is, and what a pause would meet just now."""

from dataclasses import dataclass
from typing import Any

from agents.models import Agent, Proposal, Run, Switch, System, Write
from cases.models import RequestType
from orchestrator.desk.selectors.shell import Pause, paused_now


@dataclass
class AiStatus:
    paused: list[Pause]
    choices: list[tuple[str, list[tuple[str, str]]]]
    running: int
    waiting: int
    held: int


def ai_status(labels: dict[str, str]) -> AiStatus:
    """Pauses, choices for a new one (`scope:name`), three counts. `labels` head the groups of choices."""
    models: dict[str, Any] = {"agent": Agent, "type": RequestType, "system": System}
    groups = [
        (
            labels[scope],
            [(f"{scope}:{row.name}", row.shown) for row in model.objects.filter(retired=False).order_by("name")],
        )
        for scope, model in models.items()
    ]
    return AiStatus(
        paused=paused_now(),
        choices=[(labels["all"], [(f"{Switch.Scope.ALL}:", labels["all"])]), *groups],
        # a step that waits for people is not at work
        running=Run.objects.filter(state=Run.State.OPEN, agent__isnull=False, waiting_on=None).count(),
        waiting=Proposal.objects.filter(state=Proposal.State.WAITING).count(),
        held=Write.objects.filter(state=Write.State.HELD).count(),
    )
