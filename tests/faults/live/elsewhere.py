"""A small part of the fault tests on servers that the environment names: `python -m tests.faults.live.elsewhere FOLDER`.

One death at each point of a write-back, and each message eight times at once. Prints what came of it as JSON; a test
that has made the database and named the broker reads that.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any, cast

COPIES, JOBS = 8, 6


def main() -> None:
    """Set up, let workers die, count."""
    import django

    django.setup()
    from celery import Celery

    from cases.models import Case
    from orchestrator.demo.company.store import hong_kong_today
    from tests.demo.process import TOKEN, RunningCompany
    from tests.faults.live.test_deaths import POINTS, die
    from tests.faults.live.works import Works, prepare
    from tests.journeys.processes import Processes

    folder = Path(sys.argv[1])
    company = RunningCompany(folder / "company")
    company.control("reset", {"today": hong_kong_today().isoformat()})
    os.environ |= {"DEMO_COMPANY_URL": company.url, "DEMO_COMPANY_TOKEN": TOKEN}
    processes = Processes(folder, dict(os.environ))
    works = Works(folder / "crew", processes, company, cast("Any", None), cast("Any", None))
    try:
        prepare(works)
        processes.beat()
        works.start()
        processes.ready()
        cases = die(works, [(point, n) for n, point in enumerate(POINTS[:-1])], failing=False)
        cases += die(works, [("retry_pause", 0)], failing=True)
        died = Counter(point for _subject, _what, point, _pid, _at in works.met())
        works.hold(True)
        works.kill_all()
        many = [works.ask(("voucher", "ticket")[n % 2]) for n in range(JOBS)]
        app = Celery(broker=os.environ["BROKER_URL"])
        for _n in range(COPIES * JOBS):
            app.send_task("orchestrator.advance", queue="flow")
        works.hold(False)
        works.settle(many)
        cases += many
        found = {
            "died": dict(died),
            "states": works.states(cases),
            "done": works.done(many),
            "differences": works.settle_the_books(),
            "why": [c.why_here for c in Case.objects.exclude(status="done")],
        }
        print(json.dumps(found))
    finally:
        works.stop()
        processes.stop()
        company.stop()


if __name__ == "__main__":
    main()
