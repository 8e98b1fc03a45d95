"""D08: a worker sleeps (SIGSTOP) past its lease, another one takes over, it wakes (SIGCONT): it writes nothing."""

import os
import signal
import time
from typing import Any

from agents.models import Run, Write
from cases.models import Case, Event
from tests.faults.live.works import Works
from tests.guarantees import Size, guarantee

POINTS = (
    ("voucher", "before_gate"),
    ("voucher", "after_line"),
    ("note", "after_line"),  # reserved and not sent; the system knows no key: only asleep, it would send late
    ("ticket", "answered"),
    ("note", "answered"),
    ("voucher", "before_commit"),  # in the middle of a transaction: it holds the case's lock until the database ends it
)
AWAKE = 1.0  # seconds that the woken worker gets to do its worst


@guarantee("D08", ci=6, release=60)
def test_a_worker_that_slept_past_its_lease_writes_nothing(works: Works, size: Size) -> None:
    """Six at a time: each at another point, each in a worker of its own."""
    works.start(size=8, threads=1)
    left = list(size.each())
    while left:
        now, left = left[: len(POINTS)], left[len(POINTS) :]
        met = len(works.met())
        asleep = []
        for n in now:
            type_name, point = POINTS[n % len(POINTS)]
            asleep.append((type_name, point, works.ask(type_name, fate=f"stop {point}")))
        cases = [case for _type, _point, case in asleep]
        all_met = met + len(now)
        works.wait(lambda all_met=all_met: len(works.met()) == all_met, "all sleep at their points")
        works.settle(cases)  # by the workers that are awake
        before = [_everything(works, case) for case in cases]
        pids = [pid for _subject, _what, _point, pid, _at in works.met()[met:]]
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        time.sleep(AWAKE)
        for (type_name, point, case), was in zip(asleep, before, strict=True):
            _judge(works, size, f"{type_name} {point}", was, _everything(works, case))
        assert set(pids) <= set(works.pids), "the woken workers go on with other work"
    works.start()


def _judge(works: Works, size: Size, name: str, before: list[Any], after: list[Any]) -> None:
    for was, now in zip(before, after, strict=True):
        if was != now:
            size.failed(f"{name}: it wrote after it woke: {was[-1:]} became {now[-1:]}")
    if len(after[-1]) != (0 if name == "note after_line" else 1):
        size.failed(f"{name}: the company did it {len(after[-1])} times")


def _everything(works: Works, case: Case) -> list[Any]:
    """All that the woken worker could have changed."""
    return [
        list(Case.objects.filter(pk=case.pk).values_list("seq", "head", "status", "turn")),
        list(Event.objects.filter(case=case).order_by("seq").values_list("seq", "code")),
        list(Write.objects.filter(case=case).values_list("pk", "state", "claim", "attempts", "reference")),
        list(Run.objects.filter(case=case).order_by("pk").values_list("pk", "state", "claim", "attempts")),
        _at_the_company(works, case),
    ]


def _at_the_company(works: Works, case: Case) -> list[int]:
    keys = {str(key) for key in Write.objects.filter(case=case).values_list("pk", flat=True)}
    about = f"About C-{case.pk}"
    rows = works.company.log()
    return [row["seq"] for row in rows if row["effect_key"] in keys or row["arguments"].get("text") == about]
