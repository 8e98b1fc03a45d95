"""Every page: kept by no cache (P03), and broken by no text (F04, what forms and addresses take)."""

from typing import Any

from django.test import Client
from django.urls import reverse

from tests.access.conftest import world  # noqa: F401
from tests.access.test_matrix import ALL, VALUES, body_of, row_of
from tests.guarantees import Size, guarantee
from tests.house.matrix import ADMIN_PAGES, CALLS, DOOR, EDIT, LOOK, PAGES, admin_pages
from tests.house.test_matrix import address, programs, undone
from tests.world import World

PUBLIC = {"api:docs", "api:schema"}
ODD = {
    "U+0000": "a\x00b", "half a character": "\udc80", "a long text": "a" * 200_000, "bidi": "\u202e\u2066x\u200b",
    "not UTF-8": b"\xff\xfe", "a number": "9" * 5_000, "minus": "-1", "lists": "[[[[", "line ends": "a\r\n\x1b[31m",
}  # fmt: skip


def as_admin(world: World) -> Client:  # noqa: F811
    client = Client(raise_request_exception=False)
    client.force_login(world.admin)
    return client


def everything(world: World) -> list[tuple[str, str]]:  # noqa: F811
    """Name and address of every page and call there is."""
    found = [(name, address(name, world)) for name in [*PAGES, *CALLS]]
    found += [(name, reverse(name, kwargs={one: VALUES[one] for one in ALL[name]})) for name in DOOR]
    for model in sorted(LOOK | EDIT):
        number = row_of(model)
        for name in admin_pages(model):
            parts = [number, 1] if name.endswith("simple_history") else [number] if ALL[f"admin:{name}"] else []
            found.append((name, reverse(f"admin:{name}", args=parts)))
    parts_of = {"view_on_site": ["1", "1"], "app_list": ["cases"], "auth_user_password_change": [world.frontline.pk]}
    parts_of |= {f"approvals_draft_{what}": [1] for what in ("call_off", "drop")}
    found += [(name, reverse(f"admin:{name}", args=parts_of.get(name, []))) for name in ADMIN_PAGES if name != "logout"]
    return found


@guarantee("P03", ci=1, release=1)
def test_no_page_may_be_kept(world: World, size: Size) -> None:  # noqa: F811
    """Whoever asks, and also when the answer is a refusal: the next person at this device finds nothing."""
    manager, admin, nobody = (
        Client(raise_request_exception=False),
        as_admin(world),
        Client(raise_request_exception=False),
    )
    manager.force_login(world.manager)
    secret = dict(programs(world))["staff"]
    for name, url in everything(world):
        if name in {"account_logout"}:
            continue
        size.tried += 1
        if url.startswith("/api/"):
            clients = [Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"}), nobody]
        elif not size.release:
            clients = [admin] if url.startswith("/admin/") else [manager]
        else:
            clients = [admin, nobody] if url.startswith("/admin/") else [manager, nobody]
        for client in clients:
            answer = undone(lambda c=client, u=url: c.get(u))
            if "no-store" not in answer.headers.get("Cache-Control", "") and name not in PUBLIC:
                size.failed(f"{name}: {answer.status_code} {answer.headers.get('Cache-Control')}")
            if answer.status_code >= 500:
                size.failed(f"{name}: {answer.status_code}")


FIELDS = {
    "desk:sort": ["type", "next"], "desk:message": ["text"], "desk:hand-back": ["may", "promised", "reason"],
    "desk:close": ["outcome", "reason"], "desk:call": ["operation", "why", "argument.customer_id", "argument.text"],
    "desk:repair": ["outcome", "reference", "note"], "desk:pause": ["what", "reason"], "desk:resume": ["what", "reason"],
    "desk:new-request": ["text", "subject", "name", "contact", "customer", "source", "channel", "type"],
    "desk:account": ["language", "theme", "hold_seconds"], "desk:language": ["language", "next"],
    "approvals:decide": ["option", "chip", "reason", "fingerprint", "nonce", "seal", "edit.refund.amount"],
    "approvals:withdraw-standing": ["reason"],
}  # fmt: skip
ASKED = {
    "/cases/": ["q", "type", "status", "tab", "page"], "/search/": ["q"], "/approvals/": ["q", "type", "risk", "sort", "page"],
    "/approvals/news/": ["since", "seen"], "/triage/": ["q", "page"], "/requests/new/": ["type"], "/ai/": ["what"],
    "/standing-approvals/": ["q"], "/admin/cases/case/": ["q", "o", "p", "status__exact", "e"],
    "/admin/auth/user/": ["q", "all", "_popup"], "/accounts/login/": ["next"],
}  # fmt: skip


def some(number: int, size: Size) -> list[tuple[str, Any]]:
    """In CI U+0000 and one more for each field, in turn; in a release run all of them."""
    odd = list(ODD.items())
    return odd if size.release else [odd[0], odd[1 + number % (len(odd) - 1)]]


@guarantee("F04", ci=len(FIELDS) * len(ODD))
def test_no_odd_text_in_a_form_breaks_a_page(world: World, size: Size) -> None:  # noqa: F811
    client = as_admin(world)
    world.admin.groups.add(world.managers.group, world.support.group)
    for name, fields in FIELDS.items():
        url, body = address(name, world), body_of(name, world)
        for number, field in enumerate(fields):
            for what, value in some(number, size):
                size.tried += 1
                sent: Any = value
                if isinstance(value, str):
                    sent = value.encode("utf-8", "surrogateescape")
                form = "&".join(f"{key}={part}" for key, part in body.items() if key != field)
                raw = form.encode() + b"&" + field.encode() + b"=" + b"".join(b"%%%02x" % byte for byte in sent)
                answer = undone(
                    lambda u=url, r=raw: client.post(u, r, content_type="application/x-www-form-urlencoded")
                )
                if answer.status_code >= 500:
                    size.failed(f"{name} {field} {what}: {answer.status_code}")


@guarantee("F04", ci=len(ASKED) * len(ODD))
def test_no_odd_text_in_an_address_breaks_a_page(world: World, size: Size) -> None:  # noqa: F811
    client = as_admin(world)
    for path, names in ASKED.items():
        for number, name in enumerate(names):
            for what, value in some(number, size):
                size.tried += 1
                raw = value if isinstance(value, bytes) else value[:6_000].encode("utf-8", "surrogateescape")
                query = name + "=" + "".join(f"%{byte:02x}" for byte in raw)
                answer = client.generic("GET", path, QUERY_STRING=query)
                if answer.status_code >= 500:
                    size.failed(f"{path} {name} {what}: {answer.status_code}")


@guarantee("F04", ci=3)
def test_no_odd_text_in_a_header_breaks_a_page(world: World, size: Size) -> None:  # noqa: F811
    client = as_admin(world)
    for name in (
        "Accept-Language",
        "Referer",
        "User-Agent",
        "X-Forwarded-For",
        "Cookie",
        "HX-Current-URL",
        "Authorization",
    ):
        for what, value in ODD.items():
            size.tried += 1
            raw = value if isinstance(value, bytes) else value[:4_000].encode("utf-8", "surrogateescape")
            text = raw.decode("latin-1")  # as a server hands it on
            for path in ("/accounts/login/", "/", "/api/v1/cases/"):
                answer = (
                    client.get(path, headers={name: text})
                    if name != "Cookie"
                    else Client(raise_request_exception=False, headers={"Cookie": f"work_command_session={text}"}).get(
                        path
                    )
                )
                if answer.status_code >= 500:
                    size.failed(f"{path} {name} {what}: {answer.status_code}")
