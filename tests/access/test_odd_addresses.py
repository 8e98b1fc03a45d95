"""Addresses of rows that there cannot be: no page of the admin breaks on one (F01)."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.guarantees import Size, guarantee
from tests.world import World, build

pytestmark = pytest.mark.beside

ODD = ("abc", "-1", "0x1", "9" * 30, "1_2F3", "é", "%", "1;2")
PAGES = ("change", "history", "delete")


@pytest.fixture
def world(db: None) -> World:
    return build()


@guarantee("F01", ci=len(ODD) * len(PAGES) * 20)
def test_no_page_of_the_admin_breaks_on_a_row_that_cannot_be(world: World, size: Size) -> None:
    world.admin.is_superuser = True
    world.admin.save()
    client = Client(raise_request_exception=False)
    client.force_login(world.admin)
    for model in admin.site._registry:
        for page in PAGES:
            for odd in ODD:
                size.tried += 1
                name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
                status = client.get(reverse(name, args=[odd])).status_code
                if status not in (302, 403, 404):
                    size.failed(f"{name} {odd}: {status}")
    assert size.tried > size.number
