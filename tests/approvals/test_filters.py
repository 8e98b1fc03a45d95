"""Filters of the inbox that a person gave a name, and what is new since the list was drawn."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from approvals import filters
from approvals.models import Approval, Attention, Decision, SavedFilter
from cases.actors import person
from cases.errors import Incorrect
from tests.world import World, add_approval, add_case_row, build

As = Callable[[User], Client]


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


@pytest.fixture
def as_() -> As:
    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


def titles(page: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'<h3><a href="/approvals/[^"]+">([^<]+)</a>', page)]


def test_a_filter_is_an_address_with_a_name_and_only_ones_own(world: World, as_: As) -> None:
    client = as_(world.manager)
    sent = {"name": "  Big   refunds ", "query": "risk=medium&type=refund&page=3&other=1"}
    answer = client.post("/approvals/filters/", sent)
    assert answer.headers["Location"] == "/approvals/?type=refund&risk=medium"
    page = client.get("/approvals/?risk=medium&type=refund").content.decode()
    assert '<a href="/approvals/?type=refund&amp;risk=medium" aria-current="page">Big refunds</a>' in page
    assert "Remove it" in page
    assert "Big refunds" not in as_(world.deputy).get("/approvals/").content.decode()
    kept = SavedFilter.objects.get()
    assert as_(world.deputy).post(f"/approvals/filters/{kept.pk}/remove/").status_code == 404
    assert client.post(f"/approvals/filters/{kept.pk}/remove/").status_code == 302
    assert SavedFilter.objects.count() == 0


def test_the_same_name_means_the_new_choice_and_an_empty_one_is_refused(world: World, as_: As) -> None:
    actor = person(world.manager)
    filters.save(actor=actor, name="Mine", query="risk=low")
    filters.save(actor=actor, name="Mine", query="risk=high")
    assert [one.query for one in SavedFilter.objects.all()] == ["risk=high"]
    for name, query in (("", "risk=low"), ("Empty", "page=2"), ("x" * 61, "risk=low")):
        with pytest.raises(Incorrect):
            filters.save(actor=actor, name=name, query=query)
    for n in range(filters.MOST - 1):
        filters.save(actor=actor, name=f"f{n}", query="risk=low")
    with pytest.raises(Incorrect, match="At most"):
        filters.save(actor=actor, name="one too many", query="risk=low")
    assert SavedFilter.objects.count() == filters.MOST


@pytest.mark.parametrize("tab", ["waiting", "watching", "snoozed", "decided"])
def test_a_choice_that_matches_nothing_says_how_many_its_own_list_has(world: World, as_: As, tab: str) -> None:
    rows = [world.approval, *(add_approval(world, add_case_row(world.refund, world.now))[2] for _n in range(6))]
    person_of = Attention(approval=rows[0], user=world.manager, watching=True)
    asleep = [Attention(approval=row, user=world.manager, snoozed_at=timezone.now()) for row in rows[1:3]]
    Attention.objects.bulk_create([person_of, *asleep])
    for row in rows[3:6]:
        Decision.objects.create(approval=row, user=world.manager, option="full", fingerprint="0" * 64, at=world.now)
        Approval.objects.filter(pk=row.pk).update(state="decided", decided_option="full", decided_at=world.now)
    page = as_(world.manager).get(f"/approvals/?tab={tab}&q=zzz").content.decode()
    counts = {"waiting": 2, "watching": 1, "snoozed": 2, "decided": 3}
    assert "No approvals match this choice." in page and f"{counts[tab]} without this filter." in page


def test_a_filter_that_is_too_long_is_refused_in_words(world: World, as_: As) -> None:
    """Cut short it would be another filter, or none: 80 Chinese signs are 720 in an address."""
    client = as_(world.manager)
    query = urlencode({"risk": "low", "q": "退款" * 40})
    answer = client.post("/approvals/filters/", {"name": "Mine", "query": query}, follow=True)
    assert answer.redirect_chain == [(f"/approvals/?{query}", 302)]
    assert "too long" in answer.content.decode() and not SavedFilter.objects.exists()
    query = urlencode({"risk": "low", "q": "退款" * 20})
    client.post("/approvals/filters/", {"name": "Mine", "query": query})
    assert (
        SavedFilter.objects.get().query == query and "Remove it" in client.get(f"/approvals/?{query}").content.decode()
    )


def test_it_filters_by_type_risk_agent_and_words(world: World, as_: As) -> None:
    client = as_(world.manager)
    proposal, _writes, other = add_approval(world, add_case_row(world.delivery, world.now), risk="low")
    proposal.proposer_agent = world.idle
    proposal.save(update_fields=["proposer_agent"])
    Approval.objects.filter(pk=other.pk).update(title={"en": "Voucher for Lee", "zh-hant": "優惠券"})
    for query, wanted in (
        ("", 2), ("?type=refund", 1), ("?risk=low", 1), ("?agent=idle", 1), ("?agent=finance", 1), ("?agent=none", 0),
        ("?q=voucher", 1), ("?agent=idle&risk=medium", 0),
    ):  # fmt: skip
        assert len(titles(client.get(f"/approvals/{query}").content.decode())) == wanted, query
    empty = client.get("/approvals/?agent=none").content.decode()
    assert "2 without this filter." in empty
    assert "Clear the filter" in empty


def test_what_is_new_is_said_and_nothing_moves_by_itself(world: World, as_: As) -> None:
    client = as_(world.manager)
    page = client.get("/approvals/").content.decode()
    stamp = re.search(r"news/\?stamp=([\w.]*)", page)
    assert stamp
    assert client.get(f"/approvals/news/?stamp={stamp[1]}").status_code == 204
    for _n in range(3):
        add_approval(world, add_case_row(world.refund, world.now))
    news = client.get(f"/approvals/news/?stamp={stamp[1]}").content.decode()
    assert "3 new." in news
    assert "Show them" in news
    assert "<li" not in news  # a line with a link, never the rows themselves
    Approval.objects.filter(pk=world.approval.pk).update(state="withdrawn")
    assert "1 waits no longer." in client.get(f"/approvals/news/?stamp={stamp[1]}").content.decode()


def test_a_list_that_only_emptied_says_so_too(world: World, as_: As) -> None:
    client = as_(world.manager)
    stamp = re.search(r"news/\?stamp=([\w.]*)", client.get("/approvals/").content.decode())
    assert stamp
    Approval.objects.update(state="withdrawn")
    news = client.get(f"/approvals/news/?stamp={stamp[1]}").content.decode()
    assert "new." not in news
    assert "1 waits no longer." in news


def test_rows_stand_in_groups_by_time_left_and_tabs_have_counts(world: World, as_: As) -> None:
    for due in (timedelta(minutes=-5), timedelta(minutes=30), timedelta(days=3)):
        add_approval(world, add_case_row(world.refund, world.now), due_in=due)
    page = as_(world.manager).get("/approvals/").content.decode()
    groups = re.findall(r'<h2 class="group" id="group-(\w+)"', page)
    assert groups == [name for name in ("overdue", "hour", "today", "later") if name in groups]
    assert {"overdue", "hour", "later"} <= set(groups)
    counts = re.findall(r'<li><a href="/approvals/[^"]*"[^>]*>([A-Z][a-z ]+) <span class="count">(\d+)</span>', page)
    assert counts[-3:] == [("Waiting for me", "4"), ("Watching", "0"), ("Snoozed", "0")]


def test_a_row_says_who_looks_and_what_changed_since_it_was_opened(world: World, as_: As) -> None:
    as_(world.deputy).get(f"/approvals/{world.approval.pk}/")
    client = as_(world.manager)
    client.get(f"/approvals/{world.approval.pk}/")
    page = client.get("/approvals/").content.decode()
    assert "Ken Ho is looking" in page
    assert "changed since you opened it" not in page
    Approval.objects.filter(pk=world.approval.pk).update(fingerprint="e" * 64)
    assert "changed since you opened it" in client.get("/approvals/").content.decode()
    Approval.objects.filter(pk=world.approval.pk).update(state="decided", decided_option="full")
    fields = {"user": world.manager, "label": "May Lee (may.lee)", "team": "support-managers", "option": "full"}
    Decision.objects.create(approval=world.approval, fingerprint="e" * 64, at=world.now, **fields)
    decided = client.get("/approvals/?tab=decided").content.decode()
    assert "decided: Full refund" in decided and "changed since you opened it" not in decided
