"""The cast, a real mail server, and a clock that is moved by moving the rows."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from tests.notices.smtp import MailServer, mail_server
from tests.world import World, build


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    """The product's own SMTP backend, speaking to a server of ours."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 5
    settings.PUBLIC_URL = "https://work.example.com"
    with mail_server() as server:
        settings.EMAIL_PORT = server.port
        yield server


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


@pytest.fixture
def racing(transactional_db: None) -> World:
    cache.clear()
    return build()
