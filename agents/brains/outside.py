"""The `outside` brain: an agent of somebody else works the step through the gateway, with its own token.

Nothing runs here. The step is open for that agent (`GET /runs/?open=1`) until it finishes or hands over.
"""

from agents.brains.base import Result, Tools
from agents.configuration import StepConfig


class Outside:
    """Leaves the step open."""

    kind = "outside"

    def work(self, step: StepConfig, tools: Tools) -> Result:
        return Result("waiting")
