"""The shipped production settings on a real server: headers (P02), errors that say nothing (P04), secrets that show
nowhere (G13).
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.contrib.auth.models import User
from django.core.cache import cache

from cases.actors import CONTROL
from orchestrator.api.services import create_token
from tests.agents.connectors import scripted
from tests.guarantees import Size, guarantee
from tests.security import canaries, observatory
from tests.security.production import HOST, Browser, served
from tests.world import PASSWORD, World, build


class Hasher(PBKDF2PasswordHasher):
    iterations = 1_000  # verified alike; the server stores it anew at the first sign-in


LEAKS = re.compile(
    r"Traceback|Exception|psycopg|SELECT |FROM cases|cases_case|site-packages|\.py\b"
    r"|\bv?\d+\.\d+\.\d+\b",
    re.IGNORECASE,
)


@pytest.fixture
def world(transactional_db: None) -> World:
    """With passwords as production stores them."""
    cache.clear()
    made = build()
    User.objects.filter(username__in=["may.lee", "admin"]).update(password=make_password(PASSWORD, None, Hasher()))
    return made


def pages(world: World) -> list[str]:
    number = world.case.number
    return [
        "/", "/cases/", "/cases/?tab=all", f"/cases/{number}/", f"/cases/{number}/by-hand/", "/approvals/",
        f"/approvals/{world.approval.pk}/", "/standing-approvals/", "/triage/", "/requests/new/", "/ai/", "/search/?q=x",
        "/settings/", "/accounts/2fa/", "/accounts/password/change/", "/accounts/sessions/", "/accounts/reauthenticate/",
    ]  # fmt: skip


def admin_pages(world: World) -> list[str]:
    return [
        "/admin/", "/admin/cases/case/", "/admin/auth/user/", f"/admin/auth/user/{world.frontline.pk}/change/",
        "/admin/agents/operation/", f"/admin/agents/operation/{world.refund_payment.pk}/change/", "/admin/cases/event/",
        f"/admin/approvals/rule/{world.rule.pk}/history/", "/admin/password_change/",
    ]  # fmt: skip


def exports(web: Browser, program: Browser, world: World, secret: str) -> dict[str, httpx.Response]:
    """Calls to the indiscreet systems, by hand and by program, and everything that tells of them afterwards."""
    number, key = world.case.number, {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    found = {}
    for n in range(3):
        form = {"operation": "orders.get", "argument.number": "88213", "why": "x"}
        found[f"by hand {n}"] = web.post(f"/cases/{number}/by-hand/call/", form)
        for operation, arguments in (
            ("orders.get", {"number": "88213"}),
            ("crm.add_note", {"customer_id": "CU-77", "text": "x"}),
        ):
            body = {"operation": operation, "arguments": arguments, "turn": world.case.turn, "why": "x"}
            found[f"call {operation} {n}"] = program.post(f"/api/v1/cases/{number}/calls/", json.dumps(body), **key)
    for path in ("map/", "map/check/", "reports/summary/", f"audit/cases/{number}/", f"cases/{number}/timeline/",
                 "proposals/?x=1", "audit/verify/"):  # fmt: skip
        found[f"export {path}"] = program.get(f"/api/v1/{path}", **key)
    for path in (f"/cases/{number}/", f"/cases/{number}/by-hand/", "/metrics", "/readyz", "/livez"):
        found[f"after {path}"] = web.get(path)
    return found


def errors(web: Browser, owner: psycopg.Connection) -> dict[int, httpx.Response]:
    """One answer of each error, made by really causing it."""
    found = {
        400: web.get("/", Host="other.example.com"),
        403: web.ask("POST", "/settings/", {"data": {"language": "en"}}),
        404: web.get("/cases/C-404404/"),
        413: web.post("/settings/", {"language": "x" * 3_000_000}),
    }
    stranger = Browser(str(web.client.base_url), "203.0.113.99")
    for n in range(40):
        found[429] = stranger.sign_in(f"name-{n}", "wrong")
        if found[429].status_code == 429:
            break
    neighbour = Browser(str(web.client.base_url), "203.0.113.98")
    assert neighbour.sign_in("name-1", "wrong").status_code == 200, "one address that tries is not everybody"
    owner.execute("ALTER TABLE cases_case RENAME TO cases_case_gone")
    owner.commit()
    try:
        found[500] = web.get("/cases/?tab=all")
    finally:
        owner.execute("ALTER TABLE cases_case_gone RENAME TO cases_case")
        owner.commit()
    return found


@guarantee("P02", ci=30, seconds=400)
@guarantee("P04", ci=6, seconds=400)
@guarantee("G13", ci=20, seconds=400)
@pytest.mark.timeout(400)
def test_pages_score_a_plus_and_errors_say_nothing(
    world: World, child_environment: dict[str, str], owner_connection: psycopg.Connection, tmp_path: Path, size: Size
) -> None:
    _token, secret = create_token(actor=CONTROL, name="x", scopes=("staff",), days=1, user=world.manager)
    secrets = canaries.planted(child_environment)
    with (
        scripted.running() as system,
        served(
            child_environment, tmp_path, OIDC_URL="https://login.example.com", OIDC_CLIENT_ID="wc", LOG_LEVEL="DEBUG"
        ) as (address, log),
    ):
        system.script = canaries.indiscreet
        canaries.connect(world, system.url)
        manager, admin, nobody = Browser(address), Browser(address), Browser(address)
        answers: dict[str, httpx.Response] = {"sign-in": nobody.get("/accounts/login/")}
        answers["signed in"] = manager.sign_in("may.lee", PASSWORD)
        assert answers["signed in"].status_code == 302, answers["signed in"].text[:500]
        assert admin.sign_in("admin", PASSWORD).status_code == 302
        answers |= {path: manager.get(path) for path in pages(world)}
        answers |= {path: admin.get(path) for path in admin_pages(world)}
        for path in ("cases/", f"cases/{world.case.number}/", "schema/", "cases/C-404404/"):
            answers[f"api {path}"] = nobody.get(f"/api/v1/{path}", Authorization=f"Bearer {secret}")
        answers["docs"] = nobody.get("/api/v1/docs/")
        plain = nobody.get("/cases/?x=1", X_Forwarded_Proto="http")
        answers |= exports(manager, nobody, world, secret)
        refused = errors(manager, owner_connection)
        told = log.read_text()
        kept = canaries.stored(owner_connection)
    assert {"PAYMENTS_TOKEN", "ORDERS_KEY", "CRM_PASSWORD"} & canaries.hits(str(system.seen), secrets)  # they were used
    everything = {name: answer.text + str(answer.headers) for name, answer in answers.items()}
    everything |= {f"error {code}": answer.text + str(answer.headers) for code, answer in refused.items()}
    for place, text in (everything | {"the log": told, "the database": kept}).items():
        if found := canaries.hits(text, secrets):
            size.failed(f"{place} shows {found}")
    for code, answer in refused.items():
        answers[str(code)] = answer
        leak = LEAKS.search(answer.text) or LEAKS.search(str(answer.headers))
        if answer.status_code != code or leak or str(settings.BASE_DIR) in answer.text:
            size.failed(f"{code}: {answer.status_code}, says {leak and leak[0]!r}")
    for name, answer in answers.items():
        if name.startswith(("export ", "call ", "after ", "by hand ")):
            continue  # looked at for secrets
        size.tried += 1
        points, parts = observatory.score(answer.headers, answer.headers.get_list("set-cookie"), answer.text, HOST)
        if points < 100 or "unsafe" in answer.headers.get("content-security-policy", "unsafe"):
            size.failed(f"{name}: {points} {parts}")
        if not name.isdigit() and answer.status_code >= 400 and "404404" not in name:
            size.failed(f"{name}: {answer.status_code}")
        shown = answer.text.replace(
            '<p class="paginator" style="border-top: 0">', ""
        )  # of simple-history; it is blocked
        html = answer.headers.get("content-type", "").startswith("text/html")
        if html and re.search(
            r"<script(?![^>]*\b(src=|type=\"application/json\"))[^>]*>|<style|\sstyle=|\son[a-z]+=\"", shown
        ):
            size.failed(f"{name}: code or style within the page")
        if "no-store" not in answer.headers.get("cache-control", ""):
            size.failed(f"{name}: may be kept")
    assert plain.status_code == 301
    assert plain.headers["location"] == f"https://{HOST}/cases/?x=1"
    assert PASSWORD not in told and secret not in told


@guarantee("P01", ci=1)
def test_the_deploy_check_is_silent(tmp_path: Path) -> None:
    """With the environment of OPERATIONS.md: no message at all, and none silenced."""
    environment = {"PATH": "/usr/bin:/bin", "WORK_COMMAND_DATA": str(tmp_path / "data"), "ALLOWED_HOSTS": HOST,
                   "PUBLIC_URL": f"https://{HOST}", "BEHIND_PROXY": "yes"}  # fmt: skip
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "System check identified no issues (0 silenced).\n"
    assert not getattr(settings, "SILENCED_SYSTEM_CHECKS", [])


@guarantee("P02", ci=1)
@pytest.mark.parametrize(
    "change",
    [
        {"content-security-policy": ""},
        {"content-security-policy": "default-src 'none'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"},
        {"content-security-policy": "default-src 'self'; frame-ancestors 'none'"},
        {"strict-transport-security": "max-age=100"},
        {"x-content-type-options": ""},
        {"referrer-policy": "unsafe-url"},
        {"cross-origin-resource-policy": ""},
    ],
    ids=str,
)
def test_the_scoring_sees_what_is_missing(change: dict[str, str]) -> None:
    full: dict[str, Any] = {
        "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
        "strict-transport-security": "max-age=31536000",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    cookie = ["__Host-session=x; Secure; HttpOnly; SameSite=Lax; Path=/"]
    assert observatory.score(full, cookie, "", HOST)[0] == 135
    assert observatory.score(full | change, cookie, "", HOST)[0] < 135
    assert observatory.score(full, ["__Host-session=x; HttpOnly"], "", HOST)[0] < 135
