"""What stands in for a brain that is not here, such as a model's: its steps are given to people, with the reason."""

from django.utils.translation import gettext as _

from agents.brains.base import Result, Tools
from agents.configuration import StepConfig
from agents.models import Agent


class Absent:
    """Does nothing and says why."""

    kind = "absent"

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def work(self, step: StepConfig, tools: Tools) -> Result:
        words = _("The agent %(name)s has a brain of the kind %(kind)s, which is not available here.")
        return Result("failed", why=words % {"name": self.agent.name, "kind": self.agent.brain_kind})
