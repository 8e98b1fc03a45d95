"""A14 in a real browser: what can be read on the page is what the company's system gets."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser

from approvals.models import Approval
from cases.plain_sight import visible
from orchestrator.desk.services import take_over
from orchestrator.flow.calls import call
from tests.attacks.payloads import PAYLOADS
from tests.company import Small, small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.browser
NAMES = [
    "html", "right to left override", "tag characters", "cyrillic in an account", "ten thousand letters",
    "rows that look like ours",
]  # fmt: skip
NAMES += [name for name in PAYLOADS if name not in NAMES]


def asked_for(company: Small, payload: str) -> Approval:
    """May works a case by hand and asks for a refund with `payload` as its reason."""
    case = take_over(actor=company.as_("may"), case_id=company.go(company.receive("refund")).pk)
    answer = call(
        actor=company.as_("may"),
        case_id=case.pk,
        operation="shop.refund",
        arguments={"payment_id": "p1", "amount": 5, "reason": payload},
        turn=case.turn,
    )
    return Approval.objects.select_related("case").get(pk=answer.approvals[0])


@pytest.fixture
def company(transactional_db: None) -> Iterator[Small]:
    with small() as company:
        yield company


@guarantee("A14", ci=6, release=30)
def test_what_is_read_on_the_page_is_what_is_sent(
    company: Small, chromium: Browser, live_server: Any, size: Size
) -> None:
    client = Client()
    client.force_login(company.as_("ken").user)
    context = chromium.new_context(base_url=live_server.url, viewport={"width": 390, "height": 844})
    context.add_cookies(
        [{"name": name, "value": cookie.value, "url": live_server.url} for name, cookie in client.cookies.items()]
    )
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    for n in size.each():
        name, payload = NAMES[n], PAYLOADS[NAMES[n]]
        approval = asked_for(company, payload)
        page.goto(f"/approvals/{approval.pk}/")
        title = page.title()
        page.locator('[name="option"][value="do"]').check()
        said = page.locator('.effect[data-option="do"] .keep').evaluate_all("all => all.map(one => one.textContent)")
        if visible(payload) not in said:
            size.failed(f"{name}: the page says something else")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            size.failed(f"{name}: the page scrolls sideways by {wide}")
        page.locator("#reason").fill("because")
        page.locator("[data-confirm]").click()
        page.wait_for_url("**/approvals/")
        company.go(approval.case)
        done = company.shop.done[-1]["reason"] if company.shop.done else ""
        if done.encode() != payload.encode():
            size.failed(f"{name}: {done[:60]!r} was sent")
        if page.title() == "1" or title == "1":
            size.failed(f"{name}: something ran")
        company.shop.done.clear()
    context.close()
    assert [url for url in asked if not url.startswith(live_server.url)] == []
