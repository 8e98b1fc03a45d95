"""The workload: refund cases with six steps, every second one waiting for a decision that is given at once.

Sorting is given, the order is read, the refund worked out, its words drafted, the refund written, the case closed.
Systems are functions of the `builtin` connector; grants, rules, standing approval and ledger are all on.
"""

import io
from collections import Counter
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command

from approvals import services as approvals
from approvals.models import Approval, StandingApproval
from approvals.standing import confirm_standing
from cases import services as cases
from cases.actors import Actor, person, system_token
from cases.models import Case
from cases.services import Sender
from orchestrator.flow import services as flow

HERE = Path(__file__).resolve().parent
PROGRAM = system_token("bench", 1, trusted=True)
MANAGER = "bench.manager"


def set_up() -> None:
    """Load the map and the people, and confirm the standing approval as its person would in the browser."""
    call_command("load_map", str(HERE / "map.yaml"), stdout=io.StringIO())
    call_command("load_people", str(HERE / "people.yaml"), stdout=io.StringIO())
    for standing in StandingApproval.objects.all():
        confirm_standing(actor=manager(), standing_id=standing.pk)


def manager() -> Actor:
    return person(User.objects.get(username=MANAGER))


def take_in(number: int, *, asks: bool, sorted_: bool = True) -> Case:
    """One request of a customer of its own; `asks`: its refund is one that a manager must decide. One that is not
    `sorted_` is for the sorter.
    """
    case, _created = cases.take_in(
        actor=PROGRAM,
        source=Case.Source.CUSTOMER,
        channel=Case.Channel.API,
        sender=Sender(name="Chan Tai Man", contact=f"{number}@example.com", customer=f"{'L' if asks else 'S'}{number}"),
        text="My order came nine days late and I want my money back.",
        type_name="refund" if sorted_ else "",
    )
    return case


def decide_waiting(actor: Actor, *, most: int = 100) -> int:
    """Give every decision that is waited for; returns how many were given."""
    waiting = list(Approval.objects.filter(state=Approval.State.WAITING).values_list("pk", "fingerprint")[:most])
    for pk, fingerprint in waiting:
        approvals.decide(actor=actor, approval_id=pk, fingerprint=fingerprint, option="refund")
    return len(waiting)


def alone(number: int, actor: Actor, *, asks: bool) -> None:
    """One case from its request to its end, by this process, with nothing else to do."""
    take_in(number, asks=asks)
    flow.advance()
    if asks:
        decide_waiting(actor)
        flow.advance()


def outcomes(first: int) -> Counter[str]:
    """How the cases from number `first` on ended: outcome, or the state of those that did not."""
    rows = Case.objects.filter(pk__gte=first).values_list("status", "outcome")
    return Counter(outcome if status == Case.Status.DONE else str(status) for status, outcome in rows)
