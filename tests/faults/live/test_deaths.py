"""D01: a worker is killed (SIGKILL) at each point of a write-back, and nothing is lost or done twice."""

from collections import Counter

from agents.models import Write
from cases.models import Case
from tests.faults.live.works import Works
from tests.guarantees import Size, guarantee

POINTS = ("before_gate", "after_gate", "after_line", "sent", "done", "before_commit", "waiting", "retry_pause")
TYPES = ("refund", "voucher", "ticket")  # decided by people, approved beforehand, internal
TOGETHER = 16  # deaths at one time; each takes with it what else that worker had in hand
SECONDS = 120


@guarantee("D01", ci=8 * 3, release=8 * 50)
def test_a_worker_killed_at_each_point_of_a_write_back_loses_nothing_and_repeats_nothing(
    works: Works, size: Size
) -> None:
    """One death a request. In a retry pause all calls fail until every one of those has died."""
    deaths = [(POINTS[n % 8], n // 8) for n in size.each()]
    met = len(works.met())
    cases: list[Case] = []
    for pause in (False, True):
        left = [death for death in deaths if (death[0] == "retry_pause") is pause]
        while left:
            now, left = left[:TOGETHER], left[TOGETHER:]
            cases += die(works, now, met + len(cases) + len(now), failing=pause)
    died = Counter(point for _subject, _what, point, _pid, _at in works.met()[met:])
    assert died == Counter(point for point, _n in deaths)
    for case in Case.objects.filter(pk__in=[c.pk for c in cases]).exclude(status="done"):
        if not case.why_here:  # a person has it, and is told why
            size.failed(f"{case.subject} ended {case.status}")
    written = Write.objects.filter(case__in=[c.pk for c in cases], state="written").count()
    if written != works.done(cases):
        size.failed(f"{written} are written, the company did {works.done(cases)}")
    assert works.states(cases)["done"] >= 0.9 * len(cases)


def die(works: Works, deaths: list[tuple[str, int]], wanted: int, *, failing: bool) -> list[Case]:
    """Requests whose workers die, until `wanted` fates are met in all and each request has ended."""
    if failing:
        works.fault("payments.refund", "503", times=100_000)
    cases = []
    for point, n in deaths:
        cases.append(works.ask("refund" if point in ("waiting", "retry_pause") else TYPES[n % 3], fate=f"die {point}"))

    def all_died() -> bool:
        works.approve_all(cases)
        return len(works.met()) >= wanted

    works.wait(all_died, f"{wanted} deaths", SECONDS)
    works.heal()
    works.settle(cases, seconds=SECONDS)
    return cases
