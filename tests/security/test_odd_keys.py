"""What is no answer of a key is refused in words at each of the four places that take one."""

import json

import pytest
from django.core.cache import cache
from django.test import Client

from tests.guarantees import guarantee
from tests.world import PASSWORD, World, build

NOT_WHOLE = [
    {"id": "a"},
    {"id": "YQ", "rawId": "YQ"},
    {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {}},
    {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "YQ"}},
    {},
    [],
    "x",
    None,
]
ASKING = {"accept": "application/json", "x-requested-with": "XMLHttpRequest"}


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


@guarantee("F01", ci=1)
@pytest.mark.parametrize("said", NOT_WHOLE, ids=lambda said: json.dumps(said)[:40])
def test_an_answer_that_lacks_a_part_signs_nobody_in_and_breaks_nothing(world: World, said: object) -> None:
    client = Client()
    for path in (
        "/accounts/2fa/webauthn/login/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/webauthn/reauthenticate/",
    ):
        client.get(path, headers=ASKING)
        assert client.post(path, {"credential": json.dumps(said)}).status_code < 500, path
    assert "_auth_user_id" not in client.session
    client.force_login(world.manager)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/webauthn/add/")
    answer = client.post("/accounts/2fa/webauthn/add/", {"name": "Mine", "credential": json.dumps(said)})
    assert answer.status_code == 200 and answer.context["form"].errors
    where = f"/approvals/{world.approval.pk}/decide/"
    assert client.post(where, {"option": "refund", "credential": json.dumps(said)}).status_code < 500
