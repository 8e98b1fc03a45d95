"""What is another team's looks like what is not there, on every page and in the admin (X03). `tests/api/test_sight.py`
does the same for the API.
"""

import re
import uuid
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from tests.guarantees import Size, guarantee
from tests.house.matrix import PAGES
from tests.house.test_matrix import ADDRESSES, address, undone
from tests.world import World

pytestmark = pytest.mark.beside

PAGES_WITH_OBJECT = sorted(name for name, arguments in ADDRESSES.items() if arguments and name in PAGES)
LISTED_FOR_ALL = {
    *(f"approvals:{move}-standing" for move in ("confirm", "pause", "resume", "withdraw")),
    "approvals:end-cover",
}
OF_A_CASE = (
    "cases_case", "cases_message", "agents_run", "agents_proposal", "agents_write", "approvals_approval",
)  # fmt: skip


def missing(url: str, world: World) -> str:
    """The same address for an object that nobody has."""
    url = url.replace(world.case.number, "C-999999")
    for row in (world.approval, world.proposal, *world.writes):
        url = url.replace(str(row.pk), str(uuid.uuid4()))
    return re.sub(rf"/{world.case.pk}/", "/999999/", url)


def shape(answer: Any) -> tuple[int, str, str]:
    """Status, where it leads, and the body without what differs on every page."""
    text = answer.content.decode()
    text = re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]+|("X-CSRFToken": ")[^"]+', r"\1\2", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|C-\d+|\b\d+\b", "N", text)
    return answer.status_code, re.sub(r"[0-9a-f-]{36}|\d+", "N", answer.headers.get("Location", "")), text


@guarantee("X03", ci=len(PAGES_WITH_OBJECT) * 2)
def test_foreign_and_missing_pages_look_alike(world: World, elsewhere: World, size: Size) -> None:
    """As the outsider for the company's case, and as its people for the outsider's; to look and to press."""
    strangers = [(world.outsider, world), (world.frontline, elsewhere)]
    for who, there in [*strangers, (world.admin, elsewhere)] if size.release else strangers:
        client = Client(raise_request_exception=False)
        client.force_login(who)
        for name in PAGES_WITH_OBJECT:
            if name in LISTED_FOR_ALL:
                continue
            size.tried += 1
            url = address(name, there)
            for method in ("get", "post"):
                one = shape(undone(partial(getattr(client, method), url)))
                other = shape(undone(partial(getattr(client, method), missing(url, there))))
                if one != other:
                    size.failed(f"{method} {name} as {who.username}: {one[0]} {other[0]}")
                if one[0] not in (404, 405):
                    size.failed(f"{method} {name} as {who.username}: {one[0]}")


@guarantee("X03", ci=len(OF_A_CASE))
def test_foreign_and_missing_rows_look_alike_in_the_admin(world: World, size: Size) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(world.admin)
    for name in OF_A_CASE:
        size.tried += 1
        model = apps.get_model(*name.split("_", 1))
        number = model.objects.first().pk
        nobodys = uuid.uuid4() if isinstance(number, uuid.UUID) else 999_999
        for page in ("change", "history", "delete"):
            one, other = (
                shape(client.get(reverse(f"admin:{name}_{page}", args=[n]), follow=True)) for n in (number, nobodys)
            )
            if one != other:
                size.failed(f"{page} {name}: {one[0]} {other[0]}")


@guarantee("X03", ci=1)
def test_lists_counts_and_search_say_nothing_of_another_team(world: World, elsewhere: World) -> None:
    client = Client()
    client.force_login(world.outsider)
    for path in ("/", "/cases/?tab=all", "/cases/?q=88213", "/approvals/", "/approvals/?q=Chan", "/triage/"):
        text = client.get(path).content.decode()
        assert world.case.number not in text and "Chan Tai Man has" not in text, path
    found = client.get("/search/", {"q": world.case.number}, follow=True)
    other = client.get("/search/", {"q": "C-999999"}, follow=True)
    assert shape(found) == shape(other)
