"""The registry of brains: one file per kind, all with the signature of `base.Brain`."""

from agents.brains.absent import Absent
from agents.brains.base import Brain, Done, Result, ToolFailed, Tools
from agents.brains.outside import Outside
from agents.brains.procedure import Procedure
from agents.models import StepWork

KINDS: dict[str, Brain] = {brain.kind: brain for brain in (Procedure(), Outside())}


def brain_of(work: StepWork) -> Brain:
    """The brain that does a step's work. One that is not here falls back to the recipe, if agent and step have that.

    Without a recipe nothing would be done and called done, so people get the step.
    """
    agent = work.agent
    if agent.brain_kind in KINDS:
        return KINDS[agent.brain_kind]
    falls_back = agent.brain.get("fall_back") == Procedure.kind and work.procedure
    return KINDS[Procedure.kind] if falls_back else Absent(agent)


__all__ = ["KINDS", "Brain", "Done", "Procedure", "Result", "ToolFailed", "Tools", "brain_of"]
