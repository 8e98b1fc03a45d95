"""A search among what somebody may see: the newest of others take no place of their own."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from cases import searching
from cases.models import Case, CaseSight
from orchestrator.desk.selectors import queues
from tests.api.program import program
from tests.world import World, add_case_row, build

FOREIGN = searching.MOST + 500


@pytest.fixture
def world(db: None) -> World:
    return build()


@pytest.fixture
def own(world: World) -> Case:
    """One case that the outsider was asked about, and 1,500 newer ones of others with the same word."""
    one = add_case_row(world.refund, world.now, subject="A parcel of mine")
    CaseSight.objects.create(case=one, user=world.outsider, reason="asked", at=world.now)
    columns = [field.column for field in Case._meta.concrete_fields if field.column != "id"]
    listed = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO cases_case ({listed}) SELECT {listed} FROM cases_case, generate_series(1, %s) WHERE id = %s",
            [FOREIGN, one.pk],
        )
    return one


def test_ones_own_older_case_is_found_behind_1500_newer_ones_of_others(world: World, own: Case) -> None:
    assert own.pk not in searching.find(Case.objects.all(), "parcel").cases
    found = queues.search(world.outsider, "parcel")
    assert [case.pk for case in found.cases] == [own.pk] and not found.more


def test_the_page_finds_it_too_and_so_do_the_list_and_the_api(world: World, own: Case) -> None:
    client = Client()
    client.force_login(world.outsider)
    for path in ("/search/?q=parcel", "/cases/?tab=all&q=parcel"):
        page = client.get(path).content.decode()
        assert own.number in page and page.count("A parcel of mine") == 1
    listed = program("read", user=world.outsider).get("cases/", q="parcel").json()
    assert [row["number"] for row in listed["results"]] == [own.number]


def test_the_pages_of_the_api_go_on_behind_what_one_search_finds(world: World, own: Case) -> None:
    """The list ended after a thousand cases as if there were no more, and so did what it was narrowed to by due time."""
    reader, seen = program("read", user=world.manager), []
    page = reader.get("cases/", q="parcel", limit=200).json()
    while True:
        seen += [row["number"] for row in page["results"]]
        if page["next"] is None:
            break
        page = reader.get(page["next"].removeprefix("http://testserver")).json()
    every = [f"C-{pk}" for pk in Case.objects.filter(pk__gte=own.pk).order_by("-pk").values_list("pk", flat=True)]
    assert seen == every and len(seen) == FOREIGN + 1
    back = page["results"]
    while page["previous"]:
        page = reader.get(page["previous"].removeprefix("http://testserver")).json()
        back = page["results"] + back
    assert [row["number"] for row in back] == every
    Case.objects.filter(pk=own.pk).update(finish_due=world.now - timedelta(days=1))
    late = reader.get("cases/", q="parcel", due="late").json()
    assert [row["number"] for row in late["results"]] == [own.number]


def test_who_sees_all_of_them_still_gets_the_newest_and_is_told_there_are_more(world: World, own: Case) -> None:
    found = queues.search(world.manager, "parcel")
    newest = list(Case.objects.order_by("-pk").values_list("pk", flat=True)[:50])
    assert [case.pk for case in found.cases] == newest and found.more


def test_a_search_among_few_hits_asks_no_further_question(
    world: World, own: Case, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert not searching.find(Case.objects.visible_to(world.outsider), "mine nothing").more
