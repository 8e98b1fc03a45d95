"""What `tests/house/test_matrix.py` leaves: objects of another team, every other method, sign-in and the admin (X01)."""

import json
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from tests.guarantees import Size, guarantee
from tests.house import matrix
from tests.house.matrix import ADMIN_PAGES, CALLS, DOOR, EDIT, LOOK, PAGES, SIGNED_IN, admin_pages
from tests.house.test_matrix import ADDRESSES, address, names, passes, people, programs, undone
from tests.world import World

pytestmark = pytest.mark.beside

WITH_OBJECT = sorted(name for name, arguments in ADDRESSES.items() if arguments)
ALL = dict(names())
OTHER_METHODS = ("put", "patch", "delete", "options")


def body_of(name: str, world: World) -> dict[str, Any]:
    last = name.split(":")[-1]
    if last in ("decide", "decision"):
        return {"fingerprint": world.approval.fingerprint, "option": "reject", "reason": "x"}
    return dict((matrix.BODIES if name in PAGES else matrix.API_BODIES).get(last, {}))


@guarantee("X01", ci=len(WITH_OBJECT))
def test_an_object_of_another_team_opens_for_that_team_alone(world: World, elsewhere: World, size: Size) -> None:
    everybody, tokens = dict(people(world)), token_clients(world)
    for name in WITH_OBJECT:
        size.tried += 1
        row = matrix.foreign(name, (PAGES | CALLS)[name])
        url, body = address(name, elsewhere), body_of(name, elsewhere)
        if name.endswith(":sort"):
            body = {"type": elsewhere.refund.name}
        kind = {} if name in PAGES else {"content_type": "application/json"}
        for role, client in (everybody if name in PAGES else tokens).items():
            got = undone(partial(client.get, url))
            posted = undone(partial(client.post, url, json.dumps(body) if kind else body, **kind))
            if (passes(got), passes(posted)) != (role in row.get, role in row.post):
                size.failed(f"{name} as {role}: {got.status_code}, {posted.status_code}")


def token_clients(world: World) -> dict[str, Client]:
    return {
        role: Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"} if secret else {})
        for role, secret in programs(world)
    }


@guarantee("X01", ci=len(PAGES | CALLS))
def test_no_other_method_does_anything(world: World, size: Size) -> None:
    """PUT, PATCH, DELETE and OPTIONS pass nowhere, HEAD nowhere but where GET does. In CI nobody, somebody who may
    look and somebody who may press try it, in a release run everybody.
    """
    everybody, tokens = dict(people(world)), token_clients(world)
    for name in sorted(PAGES | CALLS):
        url, row = address(name, world), (PAGES | CALLS)[name]
        size.tried += 1
        chosen = {"nobody", "outsider", "none", *sorted(row.get)[:1], *sorted(row.post)[:1]}
        for role, client in (everybody if name in PAGES else tokens).items():
            if role not in chosen and not size.release:
                continue
            for method in OTHER_METHODS:
                answer = undone(partial(getattr(client, method), url))
                if passes(answer) or answer.status_code >= 500:
                    size.failed(f"{method} {name} as {role}: {answer.status_code}")
            if passes(undone(partial(client.head, url))) and role not in row.get:
                size.failed(f"head {name} as {role}")


VALUES = {
    "uidb36": "1", "key": "x-y", "pk": "999999", "provider_id": "company", "content_type_id": "1", "object_id": "1",
    "app_label": "cases", "url": "x",
}  # fmt: skip


def arrives(answer: Any) -> bool:
    """A page, or a step further that is not the sign-in page."""
    if answer.status_code in (302, 303):
        return not answer["Location"].startswith(("/accounts/login/", "/admin/login/"))
    return bool(answer.status_code == 200)


@guarantee("X01", ci=len(DOOR))
def test_pages_around_sign_in_are_for_who_they_are_for(world: World, size: Size) -> None:
    everybody = dict(people(world))
    for name, row in DOOR.items():
        size.tried += 1
        url = reverse(name, kwargs={one: VALUES[one] for one in ALL[name]})
        found: dict[str, set[str]] = {"get": set(), "post": set()}
        for role, client in everybody.items():
            session = dict(client.session)
            for method, passed in found.items():
                answer = undone(lambda c=client, m=method, u=url: getattr(c, m)(u))
                if answer.status_code >= 500:
                    size.failed(f"{method} {name} as {role}: {answer.status_code}")
                if arrives(answer):
                    passed.add(role)
            if role != "nobody" and dict(client.session).get("_auth_user_id") != session.get("_auth_user_id"):
                client.force_login(getattr(world, role))
        if (found["get"], found["post"]) != (row.get, row.post):
            size.failed(f"{name}: {found}")


@guarantee("X01", ci=len(LOOK | EDIT))
def test_admin_pages_of_a_model_are_for_admins(world: World, size: Size) -> None:
    """Everybody by every page of every model: only an admin gets one, and a form only of what may be edited.

    Every page that an admin does get is made in a release run only (`test_admin.py` opens them by kind).
    """
    everybody = dict(people(world))
    for model in sorted(LOOK | EDIT):
        size.tried += 1
        number = row_of(model)
        for name, row in admin_pages(model).items():
            arguments = [number, 1] if name.endswith("simple_history") else [number] if ALL[f"admin:{name}"] else []
            url = reverse(f"admin:{name}", args=arguments)
            for role, client in everybody.items():
                if role in {"outsider", "frontline", "auditor", "head"} and not size.release:
                    continue  # no staff, as the manager
                for method, allowed in (("get", row.get), ("post", row.post)):
                    if role in allowed and not size.release and not name.endswith("_changelist"):
                        continue
                    answer = undone(lambda c=client, m=method, u=url: getattr(c, m)(u))
                    through = arrives(answer) and answer.headers.get("Location") != "/admin/"  # that: no such row
                    # Rows of a case are not there for an admin who may not see the case.
                    sure = name.endswith(("_changelist", "_add"))
                    if (through and role not in allowed) or (sure and role in allowed and not through):
                        size.failed(f"{method} {name} as {role}: {answer.status_code}")
                    if answer.status_code >= 500:
                        size.failed(f"{method} {name} as {role}: {answer.status_code}")


def row_of(model: str) -> Any:
    row = apps.get_model(*model.split("_", 1)).objects.first()
    return 1 if row is None else row.pk


@guarantee("X01", ci=len(ADMIN_PAGES))
def test_other_pages_of_the_admin_are_for_admins(world: World, size: Size) -> None:
    parts = {"view_on_site": ["1", "1"], "app_list": ["cases"], "auth_user_password_change": [world.frontline.pk],
             "approvals_draft_call_off": [1], "approvals_draft_drop": [1]}  # fmt: skip
    for name, row in ADMIN_PAGES.items():
        size.tried += 1
        url = reverse(f"admin:{name}", args=parts.get(name, []))
        for role, client in people(world):
            for method, allowed in (("get", row.get), ("post", row.post)):
                answer = undone(lambda c=client, m=method, u=url: getattr(c, m)(u))
                if answer.status_code >= 500 or (role not in allowed and arrives(answer)):
                    size.failed(f"{method} {name} as {role}: {answer.status_code}")


@guarantee("X01", ci=1)
def test_the_admin_has_no_door_of_its_own(world: World) -> None:
    """A password alone opens it no more than any other page: sign-in, its limits and second factors come first."""
    client = Client()
    answer = client.post("/admin/login/?next=/admin/", {"username": "admin", "password": "a-long-test-password"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session
    client.force_login(world.frontline)
    assert client.get("/admin/login/").status_code == 403
    assert set(SIGNED_IN) > {"admin"}
