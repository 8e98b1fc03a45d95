"""A real Chromium against a real server, with the cast signed in. Skipped only where there is no Chromium."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from cases.models import Person
from tests.world import World, build

# Playwright keeps an event loop in this thread; the tests themselves never run inside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        pytest.skip("No Chromium here: install the package chromium, or name one in CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def world(transactional_db: None) -> World:
    cache.clear()
    return build()


@pytest.fixture
def open_as(chromium: Browser, live_server: Any, transactional_db: None) -> Iterator[Open]:
    """`open_as(user, path, language=…, theme=…, width=…, script=…, bare=…)` is a page of that person's own browser.

    A page that writes an error to the console fails the test: that is how a broken policy or script is found.
    """
    contexts = []
    errors: list[str] = []

    def opened(
        user: User,
        path: str,
        *,
        language: str = "en",
        theme: str = "light",
        width: int = 1280,
        script: bool = True,
        bare: bool = False,
    ) -> Page:
        Person.objects.filter(user=user).update(language=language)
        cache.clear()
        client = Client()
        client.force_login(user)
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 844},
            color_scheme=theme,  # type: ignore[arg-type]
            java_script_enabled=script,
        )
        contexts.append(context)
        if bare:  # as without scripts, for tools that need the browser to run some of their own
            context.route("**/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
        context.add_cookies(
            [{"name": name, "value": cookie.value, "url": live_server.url} for name, cookie in client.cookies.items()]
        )
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [error for error in errors if "status of 4" not in error] == []
