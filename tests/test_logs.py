"""Logs: a line about a request names its path, and nothing that a person typed or that opens an account."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from structlog.stdlib import ProcessorFormatter

pytestmark = pytest.mark.django_db


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All lines, written as production writes them."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    given = {name: value for name, value in settings.LOGGING["formatters"]["json"].items() if name != "()"}
    handler.setFormatter(ProcessorFormatter(**given))
    root = logging.getLogger()
    before = root.level, root.handlers
    root.setLevel(logging.INFO)
    root.handlers = [handler]  # another one would leave its own words in the record
    yield written
    root.handlers = before[1]
    root.setLevel(before[0])


@pytest.mark.parametrize(
    "path",
    [
        "/search/?q=geheim@example.com",
        "/nothing-here/?q=geheim",
        "/accounts/oidc/company/login/callback/?code=geheim&state=geheim",
        "/accounts/password/reset/key/3-geheim/",
        "/accounts/password/reset/key/3-geheim/and-more/",
    ],
)
@pytest.mark.parametrize("host", ["testserver", "somebody.else"])
def test_no_line_says_what_was_searched_for_nor_a_key(path: str, host: str, log: io.StringIO, client: Client) -> None:
    client.get(path, headers={"host": host})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert lines and "geheim" not in log.getvalue()
    begins = "/".join(path.split("?")[0].split("/")[:5]) + "/" if "key" in path else path.split("?")[0]
    assert any(line.get("request", "").startswith(f"GET {begins}") for line in lines)


def test_a_request_that_breaks_is_told_the_same_way(
    log: io.StringIO, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    client.raise_request_exception = False
    monkeypatch.setattr("allauth.account.views.PasswordResetFromKeyView.dispatch", breaks)
    assert client.get("/accounts/password/reset/key/3-geheim/?next=geheim").status_code == 500
    assert "RuntimeError" in log.getvalue() and "geheim" not in log.getvalue()
