"""The web application in a process whose clock is wrong by the seconds in the file that WRONG_CLOCK names."""

import os
from pathlib import Path

from tests.faults.live import clocks

clocks.replace()
clocks.follow(Path(os.environ["WRONG_CLOCK"]))

from orchestrator.asgi import application  # noqa: E402

assert application
