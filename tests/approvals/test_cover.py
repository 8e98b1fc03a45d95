"""Cover: dated, without acceptance, within the limits of the covered person, over at most three people, in no circle."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from approvals.covering import end_cover, fill_position, keep_sight, set_cover
from approvals.errors import AlreadyDecided
from approvals.models import Approval, Cover, Decision
from approvals.services import undo
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, NotFound, Refusal, WrongState
from cases.ledger import verify
from cases.models import Case, Company, Event, Team
from tests.company import Small, at_once
from tests.guarantees import guarantee


def user(name: str) -> User:
    return User.objects.get(username=name)


def cover(company: Small, of: str, by: str, *, actor: str = "", **more: Any) -> Cover:
    values = {"starts_at": None, "ends_at": database_now() + timedelta(days=2)} | more
    return set_cover(actor=company.as_(actor or of), of_id=user(of).pk, by_id=user(by).pk, **values)


def admin(name: str = "root") -> User:
    return User.objects.create_superuser(name, password="x", first_name="Alex", last_name="Yip")


def waits_for(name: str) -> list[Approval]:
    return list(Approval.objects.waiting_for(user(name)))


def test_who_covers_decides_and_both_names_are_in_the_record(company: Small) -> None:
    case, approval = company.waiting()
    assert waits_for("fin") == []
    with pytest.raises(NotFound):
        company.decide(approval, by="fin")
    cover(company, "may", "fin")
    assert waits_for("fin") == [approval]
    company.decide(approval, by="fin")
    decision = Decision.objects.get()
    assert (decision.label, decision.covering_label, decision.team) == ("Fin (fin)", "May (may)", "managers")
    assert decision.who == "Fin, covering for May"
    told = company.told(case, "approval.decided")
    assert told["covering"] == "May (may)" and told["override"] is False
    company.go(case)
    assert len(company.shop.done) == 1 and verify().first_broken is None
    with pytest.raises(AlreadyDecided) as late:
        company.decide(approval, by="ken")
    assert late.value.detail["decided_by"] == "Fin, covering for May"


def test_it_gives_what_the_covered_person_may_and_nothing_more(company: Small) -> None:
    """Limits kept: cover for a manager opens nothing that heads are asked, nor another case's sight."""
    cover(company, "may", "fin")
    company.rule("big", {"ask": "heads"})
    _case, approval = company.waiting()
    other = company.go(company.receive("chores"))
    assert waits_for("fin") == []
    with pytest.raises(NotFound):
        company.decide(approval, by="fin")
    assert other not in Case.objects.visible_to(user("fin"))


def test_it_counts_from_its_first_to_its_last_moment_only(company: Small) -> None:
    now = database_now()
    row = cover(company, "may", "fin", starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2))
    case, approval = company.waiting()
    assert waits_for("fin") == [] and case not in Case.objects.visible_to(user("fin"))
    Cover.objects.filter(pk=row.pk).update(starts_at=now - timedelta(minutes=1))
    assert keep_sight(now=database_now()) == 1 and keep_sight(now=database_now()) == 0
    assert waits_for("fin") == [approval] and case in Case.objects.visible_to(user("fin"))
    Cover.objects.filter(pk=row.pk).update(ends_at=database_now())
    assert waits_for("fin") == []
    with pytest.raises(NoRight):
        company.decide(approval, by="fin")
    assert keep_sight(now=database_now()) == 1
    assert case not in Case.objects.visible_to(user("fin"))


def test_ending_it_takes_the_right_and_the_sight_but_not_of_what_was_decided(company: Small) -> None:
    row = cover(company, "may", "fin")
    first, approval = company.waiting()
    second, open_ = company.waiting(order="A101")
    company.decide(approval, by="fin")
    end_cover(actor=company.as_("may"), cover_id=row.pk)
    seen = Case.objects.visible_to(user("fin"))
    assert first in seen and second not in seen and waits_for("fin") == []
    with pytest.raises(NotFound):
        company.decide(open_, by="fin")
    with pytest.raises(WrongState):
        end_cover(actor=company.as_("may"), cover_id=row.pk)
    chain = Event.objects.filter(case=None, code__startswith="cover.").order_by("seq")
    assert list(chain.values_list("code", flat=True)) == ["cover.set", "cover.ended"]


def test_it_goes_on_over_three_people_and_no_further(company: Small) -> None:
    """may <- ken would be asked anyway; so the chain leads through people who are not."""
    _case, approval = company.waiting()
    for of, by in (("may", "fin"), ("fin", "wing"), ("wing", "grace"), ("grace", "sam")):
        cover(company, of, by)
    assert [bool(waits_for(name)) for name in ("fin", "wing", "grace", "sam")] == [True, True, True, False]
    with pytest.raises(NotFound):
        company.decide(approval, by="sam")
    company.decide(approval, by="grace")
    assert Decision.objects.get().covering_label == "May (may)"


def test_a_circle_is_refused_and_one_that_is_there_ends(company: Small) -> None:
    _case, approval = company.waiting()
    cover(company, "may", "fin")
    cover(company, "fin", "wing")
    for by in ("may", "fin"):
        with pytest.raises((Incorrect, WrongState)):
            cover(company, "wing", by)
    now = database_now()
    Cover.objects.create(
        of=user("wing"), by=user("may"), starts_at=now, ends_at=now + timedelta(days=1), created_at=now
    )  # as two people could make it at the same moment
    assert waits_for("wing") == [approval] == waits_for("may")
    company.decide(approval, by="wing")
    assert Decision.objects.get().covering_label == "May (may)"


@guarantee("A06", ci=1)
def test_nobody_decides_their_own_request_by_cover(company: Small) -> None:
    """Not the coverer's, not that of the covered person, not that of anybody in between."""
    for opener in ("fin", "may", "wing"):
        Cover.objects.all().delete()
        case, approval = company.waiting()
        Case.objects.filter(pk=case.pk).update(opened_by=user(opener))
        cover(company, "may", "wing")
        cover(company, "wing", "fin")
        assert approval not in waits_for("fin")
        with pytest.raises(NoRight):
            company.decide(approval, by="fin")
    assert Decision.objects.count() == 0


def test_two_people_are_two_people(company: Small) -> None:
    """Neither the covered person after who covered, nor who covered after them, nor the same one as themselves."""
    company.rule("two", {"ask": "managers", "people": 2})
    cover(company, "may", "ken")
    _case, approval = company.waiting()
    company.decide(approval, by="ken")  # a manager: as himself
    assert Decision.objects.get().covering_label == ""
    with pytest.raises(NoRight):
        company.decide(approval, by="ken")
    company.decide(approval, by="may")
    Cover.objects.all().delete()
    cover(company, "may", "fin")
    _other, second = company.waiting(order="A101")
    company.decide(second, by="fin")
    assert second not in waits_for("may")
    with pytest.raises(NoRight):
        company.decide(second, by="may")
    company.decide(second, by="ken")
    assert Approval.objects.get(pk=second.pk).state == "decided"
    third = company.waiting()[1]
    company.decide(third, by="may")
    with pytest.raises(NoRight):
        company.decide(third, by="fin")


def test_who_covered_may_take_it_back(company: Small) -> None:
    Company.objects.update(hold_seconds=60)
    cover(company, "may", "fin")
    _case, approval = company.waiting()
    company.decide(approval, by="fin")
    with pytest.raises(NoRight):
        undo(actor=company.as_("may"), approval_id=approval.pk)
    undo(actor=company.as_("fin"), approval_id=approval.pk)
    assert waits_for("may") == [approval] == waits_for("fin")


def refuse(company: Small, of: str, by: str, kind: type[Refusal] = NoRight, **more: Any) -> None:
    before = Cover.objects.count()
    with pytest.raises(kind):
        cover(company, of, by, **more)
    assert Cover.objects.count() == before


def test_who_may_set_it_for_whom(company: Small) -> None:
    admin()
    Team.objects.get(name="support").leads.add(user("may"))
    cover(company, "ka", "wing", actor="may")
    cover(company, "may", "ken", actor="root")
    refuse(company, "fin", "ken", actor="may")  # she leads none of his teams
    user("wing").groups.add(Team.objects.get(name="finance").group)
    refuse(company, "wing", "fin", actor="may")  # she leads one of two
    refuse(company, "ken", "root", actor="root")  # nobody names themselves
    refuse(company, "ken", "ken", Incorrect)
    User.objects.filter(username="fin").update(is_active=False)
    refuse(company, "ken", "fin", NotFound)
    User.objects.filter(username="fin").update(is_active=True)
    refuse(company, "may", "fin", WrongState)  # ken covers already
    now = database_now()
    for start, end in ((None, now - timedelta(hours=1)), (now, now + timedelta(days=400))):
        refuse(company, "ken", "fin", Incorrect, starts_at=start, ends_at=end)


def test_it_is_for_active_people_only(company: Small) -> None:
    _case, approval = company.waiting()
    cover(company, "may", "fin")
    User.objects.filter(username="may").update(is_active=False)
    assert waits_for("fin") == []
    User.objects.filter(username="may").update(is_active=True)
    User.objects.filter(username="fin").update(is_active=False)
    assert approval not in waits_for("fin")


def test_an_admin_fills_an_empty_position_and_it_is_said(company: Small) -> None:
    admin()
    company.rule("heads", {"ask": "heads"})
    case, approval = company.waiting()
    team = Team.objects.get(name="heads")
    values = {"team_id": team.pk, "by_id": user("fin").pk, "starts_at": None, "reason": "Grace left"}
    values["ends_at"] = database_now() + timedelta(days=3)
    with pytest.raises(WrongState):
        fill_position(actor=company.as_("root"), **values)
    user("grace").groups.clear()
    for by in ("may", "fin"):
        with pytest.raises(NoRight):
            fill_position(actor=company.as_(by), **values)
    with pytest.raises(NoRight):
        fill_position(actor=company.as_("root"), **values | {"by_id": user("root").pk})
    fill_position(actor=company.as_("root"), **values)
    assert waits_for("fin") == [approval] and case in Case.objects.visible_to(user("fin"))
    user("grace").groups.add(team.group)
    assert waits_for("fin") == []  # somebody is there again
    user("grace").groups.clear()
    company.decide(approval, by="fin")
    decision = Decision.objects.get()
    assert decision.override and decision.who == "Fin, for the empty position heads"
    assert company.told(case, "approval.decided")["override"] is True
    assert Event.objects.filter(case=None, code="cover.override").count() == 1


# ---------------------------------------------------------------------- races


def test_who_covers_and_who_is_covered_at_once_make_one_decision(racing: Small) -> None:
    racing.rule("two", {"ask": "managers", "people": 2})
    cover(racing, "may", "fin")
    for _round in range(8):
        case, approval = racing.waiting()
        results = at_once([lambda a=approval, n=name: racing.decide(a, by=n) for name in ("may", "fin")])
        assert sum(isinstance(one, Approval) for one in results) == 1, results
        assert Decision.objects.filter(approval=approval).count() == 1
        assert Approval.objects.get(pk=approval.pk).state == "waiting" and racing.write(case).state == "waiting"


def test_deciding_while_the_cover_ends_leaves_one_truth(racing: Small) -> None:
    for _round in range(6):
        row = cover(racing, "may", "fin")
        _case, approval = racing.waiting()
        results = at_once(
            [
                lambda a=approval: racing.decide(a, by="fin"),
                lambda r=row: end_cover(actor=racing.as_("may"), cover_id=r.pk),
            ]
        )
        assert isinstance(results[1], Cover), results
        decided = isinstance(results[0], Approval)
        assert decided or isinstance(results[0], NoRight | NotFound), results
        assert Decision.objects.filter(approval=approval).count() == decided


def test_one_person_gets_one_cover_at_a_time(racing: Small) -> None:
    for _round in range(5):
        Cover.objects.all().delete()
        results = at_once([lambda b=by: cover(racing, "may", b) for by in ("fin", "wing", "ka")])
        assert sum(isinstance(one, Cover) for one in results) == 1, results
        assert all(isinstance(one, Cover | WrongState) for one in results) and Cover.objects.count() == 1


def test_an_approval_raised_while_a_cover_begins_is_seen(racing: Small) -> None:
    """The raise does not know the cover yet, the cover not the approval: the sweep puts it right."""
    for _round in range(4):
        Cover.objects.all().delete()
        results = at_once([lambda: racing.waiting(), lambda: cover(racing, "may", "fin")])
        case = results[0][0]
        keep_sight(now=database_now())
        assert case in Case.objects.visible_to(user("fin"))


# ---------------------------------------------------------------------- pages


@pytest.fixture
def client_of() -> Any:
    def signed_in(name: str) -> Client:
        cache.clear()
        client = Client()
        client.force_login(user(name))
        return client

    return signed_in


def test_the_page_sets_and_ends_it_without_javascript(company: Small, client_of: Any) -> None:
    client = client_of("may")
    end = timezone.localtime(database_now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert client.post("/cover/", {"by": "", "ends_at": ""}).status_code == 422
    answer = client.post("/cover/", {"by": user("fin").pk, "ends_at": end, "reason": "Leave"})
    assert answer.status_code == 302
    row = Cover.objects.get()
    assert (row.of, row.by, row.reason) == (user("may"), user("fin"), "Leave")
    page = client.get("/cover/").content.decode()
    assert "Fin for May" in page and f"/cover/{row.pk}/end/" in page
    assert client.post("/cover/", {"by": user("wing").pk, "ends_at": end}).status_code == 409
    other = client_of("fin").get("/cover/").content.decode()
    assert "Fin for May" in other and f"/cover/{row.pk}/end/" not in other
    assert client_of("fin").post(f"/cover/{row.pk}/end/").status_code == 403
    assert client_of("ka").post(f"/cover/{row.pk}/end/").status_code == 404
    assert client_of("may").post(f"/cover/{row.pk}/end/").status_code == 302
    assert Cover.objects.get().ended_at is not None


@pytest.mark.parametrize(
    ("starts_at", "ends_at"),
    [
        ("9999-12-31T23:00-14:00", "9999-12-31T23:59-14:00"),  # by PostgreSQL's clock the year 10000
        ("9999-12-31T20:00Z", "9999-12-31T23:59Z"),  # by the company's
        ("9999-12-30T10:00", "9999-12-31T10:00"),
        ("", "9999-12-31T23:59-14:00"),
        ("0001-01-01T00:00+14:00", "0001-01-01T00:00+14:00"),
        ("", "0001-01-01T00:00"),
    ],
)
def test_it_begins_within_a_year_so_that_every_page_can_show_it(
    company: Small, client_of: Any, starts_at: str, ends_at: str
) -> None:
    sent = {"by": user("fin").pk, "starts_at": starts_at, "ends_at": ends_at}
    assert client_of("may").post("/cover/", sent).status_code == 422
    assert client_of("may").get("/cover/").status_code == 200
    assert not Cover.objects.exists()


def test_the_form_offers_others_only_to_who_may_arrange_it(company: Small, client_of: Any) -> None:
    admin()
    Team.objects.get(name="support").leads.add(user("may"))
    page = client_of("may").get("/cover/").content.decode()
    assert 'name="of"' in page and "Fill an empty position" not in page
    assert 'name="of"' not in client_of("ka").get("/cover/").content.decode()
    values = {"of": user("ken").pk, "by": user("fin").pk, "ends_at": "2099-01-01T10:00"}
    assert client_of("may").post("/cover/", values).status_code == 422
    user("grace").groups.clear()
    page = client_of("root").get("/cover/").content.decode()
    assert "Fill an empty position" in page
    position = {
        "position-team": Team.objects.get(name="heads").pk,
        "position-by": user("fin").pk,
        "position-ends_at": timezone.localtime(database_now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"),
    }
    assert client_of("root").post("/cover/fill/", position).status_code == 422
    assert client_of("may").post("/cover/fill/", position).status_code == 403
    assert client_of("root").post("/cover/fill/", position | {"position-reason": "left"}).status_code == 302
    assert Cover.objects.get().team is not None


def test_the_inbox_says_for_whom_and_filters_by_it(company: Small, client_of: Any) -> None:
    user("fin").groups.add(Team.objects.get(name="heads").group)
    cover(company, "may", "fin")
    _case, approval = company.waiting()
    company.rule("heads", {"ask": "heads"}, "shop.voucher")
    company.waiting("vouchers")
    client = client_of("fin")
    page = client.get("/approvals/").content.decode()
    assert page.count('<li class="row">') == 2 and "covering for May" in page and 'name="cover"' in page
    only = client.get("/approvals/?cover=may").content.decode()
    assert only.count('<li class="row">') == 1 and str(approval.pk) in only
    own = client.get("/approvals/?cover=me").content.decode()
    assert own.count('<li class="row">') == 1 and str(approval.pk) not in own
    detail = client.get(f"/approvals/{approval.pk}/").content.decode()
    assert "You decide covering for May." in detail
    assert 'name="cover"' not in client_of("ken").get("/approvals/").content.decode()


def test_the_cover_page_asks_no_more_for_many_people(company: Small, client_of: Any) -> None:
    admin()
    group = Team.objects.get(name="support").group

    def asked() -> int:
        client = client_of("root")
        with connection.execute_wrapper(count := Counting()):
            assert client.get("/cover/").status_code == 200
        return count.n

    few = asked()
    for n in range(60):
        one = User.objects.create_user(f"p{n}")
        one.groups.add(group)
        other = User.objects.get(username="p0")
        if n:
            cover(company, f"p{n}", other.username)
    assert asked() == few <= 12


class Counting:
    def __init__(self) -> None:
        self.n = 0

    def __call__(self, execute: Any, sql: str, *more: Any) -> Any:
        self.n += 1
        return execute(sql, *more)
