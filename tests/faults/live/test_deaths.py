"""D01: a worker is killed (SIGKILL) at each point of a write-back, and nothing is lost or done twice."""

from collections import Counter

from agents.models import Write
from approvals.models import Approval
from cases.clock import database_now
from cases.models import Case
from tests.faults.live.works import Works
from tests.guarantees import Size, guarantee

POINTS = ("before_gate", "after_gate", "after_line", "sent", "done", "before_commit", "waiting", "retry_pause")
QUIET = ("waiting", "retry_pause")  # here the test kills any worker: none of them has the request in hand
TYPES = ("refund", "voucher", "ticket")  # decided by people, approved beforehand, internal
TOGETHER = 16  # deaths at one time; each takes with it what else that worker had in hand
SECONDS = 300


@guarantee("D01", ci=8 * 3, release=8 * 50, seconds=900)
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
            cases += die(works, now, len(works.met()) + len(now), failing=pause)
    died = Counter(point for _subject, _what, point, _pid, _at in works.met()[met:])
    planned = Counter(point for point, _n in deaths)
    assert died <= planned and all(died[point] for point in planned) and died.total() >= 0.9 * planned.total(), died
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
    cases: list[Case] = []
    quiet: dict[int, str] = {}
    for point, n in deaths:
        cases.append(works.ask("refund" if point in QUIET else TYPES[n % 3], fate=f"die {point}"))
        if point in QUIET:
            quiet[cases[-1].pk] = point

    def all_died() -> bool:
        for case in cases:
            if case.pk in quiet and _reached(case, quiet[case.pk]) and works.kill_one(case.subject, quiet[case.pk]):
                del quiet[case.pk]
        works.approve_all(case for case in cases if quiet.get(case.pk) != "waiting")
        left = [case.pk for case in cases if (works.folder / "fates" / case.subject).exists()]
        # Others' deaths took its worker too often: a person has it, and it is not tried again.
        parked = Case.objects.filter(pk__in=left, status__in=("with_person", "repair", "triage")).count()
        return len(works.met()) + parked >= wanted

    works.wait(all_died, f"{wanted} deaths", SECONDS)
    works.heal()
    works.settle(cases, seconds=SECONDS)
    return cases


def _reached(case: Case, point: str) -> bool:
    if point == "waiting":
        return Approval.objects.filter(case=case, state="waiting").exists()
    # unknown where another's death took the worker that had just sent this one: it pauses all the same
    return Write.objects.filter(case=case, state__in=("permitted", "unknown"), try_at__gt=database_now()).exists()
