"""Whoever sees a link may follow it: from the first page on, no page leads a person to one that they are refused."""

import re
from collections import Counter
from html import unescape

import pytest
from django.test import Client

from tests.browser.test_every_page import told
from tests.world import World

pytestmark = pytest.mark.beside

LINK = re.compile(r'<a [^>]*?href="(/[^"#]*)')
NUMBER = re.compile(r"C-\d+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
LEFT_OUT = ("/accounts/logout/", "/i18n/", "/static/", "/accounts/2fa/")  # the last: proves who it is first
ALIKE = 3  # links that differ in a number alone
MOST = 250


@pytest.mark.parametrize("name", ["frontline", "manager", "deputy", "head", "auditor", "outsider", "admin"])
def test_no_link_leads_to_a_page_that_is_refused(world: World, name: str) -> None:
    told(world)
    client = Client()
    client.force_login(getattr(world, name))
    waiting, seen, shapes = [("/", "")], set[str](), Counter[str]()
    bad = []
    while waiting and len(seen) < MOST:
        path, source = waiting.pop(0)
        shape = NUMBER.sub("N", path)
        if path in seen or path.startswith(LEFT_OUT) or shapes[shape] == ALIKE:
            continue
        seen.add(path)
        shapes[shape] += 1
        answer = client.get(path, follow=True)
        if answer.status_code != 200:
            bad.append(f"{source} -> {path}: {answer.status_code}")
        elif "text/html" in answer["Content-Type"]:
            waiting += [(unescape(link), path) for link in LINK.findall(answer.content.decode())]
    assert bad == []
    assert len(seen) >= 15
