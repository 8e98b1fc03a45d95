"""What stands in for a brain that is not here, such as a model's: its steps are given to people, with the reason."""

from django.utils.translation import gettext as _

from agents.brains.base import Result, Tools
from agents.configuration import StepConfig


class Absent:
    """Does nothing and says why."""

    kind = "absent"

    def work(self, step: StepConfig, tools: Tools) -> Result:
        assert step.work is not None  # noqa: S101  # human steps have no brain
        agent = step.work.agent
        words = _("The agent %(name)s has a brain of the kind %(kind)s, which is not available here.")
        return Result("failed", why=words % {"name": agent.name, "kind": agent.brain_kind})
