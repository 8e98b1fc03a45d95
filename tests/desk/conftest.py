"""The cast, and a browser-less client for each of them."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from tests.world import World, build


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


@pytest.fixture
def as_() -> Callable[[User], Client]:
    """`as_(world.manager)` is a client signed in as that person."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in
