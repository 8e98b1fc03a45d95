"""D01: a worker is killed (SIGKILL) at each point of a write-back, and nothing is lost or done twice."""

from collections import Counter

from agents.models import Write
from approvals.models import Approval
from cases.clock import database_now
from cases.models import Case
from tests.faults.live.works import ENDS, Works
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
            cases += die(works, now, failing=pause)
    died = Counter(point for _subject, _what, point, _pid, _at in works.met()[met:])
    assert died == Counter(point for point, _n in deaths)
    for case in Case.objects.filter(pk__in=[c.pk for c in cases]).exclude(status="done"):
        if not case.why_here:  # a person has it, and is told why
            size.failed(f"{case.subject} ended {case.status}")
    written = Write.objects.filter(case__in=[c.pk for c in cases], state="written").count()
    if written != works.done(cases):
        size.failed(f"{written} are written, the company did {works.done(cases)}")
    done = works.states(cases)["done"]
    assert done >= 0.8 * len(cases), f"{done} of {len(cases)} were done without a person"


def die(works: Works, deaths: list[tuple[str, int]], *, failing: bool) -> list[Case]:
    """Requests whose workers die, until each of `deaths` was died and each request has ended.

    One that came to its end before its death (others' deaths took its worker too often and a person has it, or what was
    sent was found done) leaves its death to another request.
    """
    wanted = len(works.met()) + len(deaths)
    if failing:
        works.fault("payments.refund", "503", times=100_000)
    cases: dict[int, tuple[Case, str, int]] = {}
    quiet: dict[int, str] = {}

    def ask(point: str, n: int) -> None:
        case = works.ask("refund" if point in QUIET else TYPES[n % 3], fate=f"die {point}")
        cases[case.pk] = (case, point, n)
        if point in QUIET:
            quiet[case.pk] = point

    def all_died() -> bool:
        for pk, point in list(quiet.items()):
            if _reached(cases[pk][0], point) and works.kill_one(cases[pk][0].subject, point):
                del quiet[pk]
        works.approve_all(case for case, _point, _n in cases.values() if quiet.get(case.pk) != "waiting")
        left = [pk for pk, (case, _point, _n) in cases.items() if (works.folder / "fates" / case.subject).exists()]
        for pk in Case.objects.filter(pk__in=left, status__in=ENDS).values_list("pk", flat=True):
            case, point, n = cases[pk]
            if works.spare(case.subject):
                quiet.pop(pk, None)
                ask(point, n)
        return len(works.met()) >= wanted

    for point, n in deaths:
        ask(point, n)
    works.wait(all_died, f"{wanted} deaths", SECONDS)
    works.heal()
    mine = [case for case, _point, _n in cases.values()]
    works.settle(mine, seconds=SECONDS)
    return mine


def _reached(case: Case, point: str) -> bool:
    if point == "waiting":
        return Approval.objects.filter(case=case, state="waiting").exists()
    # unknown where another's death took the worker that had just sent this one: it pauses all the same
    return Write.objects.filter(case=case, state__in=("permitted", "unknown"), try_at__gt=database_now()).exists()
