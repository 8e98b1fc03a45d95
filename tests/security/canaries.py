"""Twenty secrets that must show nowhere: where they are planted, and every place that is looked through."""

import base64
import urllib.parse
from collections.abc import Iterator

import psycopg
from cryptography.fernet import Fernet

from agents.models import Operation, System
from tests.agents.connectors.scripted import Handler
from tests.world import World


def planted(environment: dict[str, str]) -> dict[str, str]:
    """The environment of the server: its own secrets and the credentials of systems. Name and secret, twenty of them."""
    made = {name: f"canary-{number:02d}-{name.lower().replace('_', '-')}" for number, name in enumerate(NAMES)}
    made["LEDGER_KEY"] += "-long-enough-to-sign"  # a short one is refused at the start
    made["FIELD_KEYS"] = Fernet.generate_key().decode()
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        environment[name] = environment[name].replace("@/", f":{made[name]}@/", 1)
    environment |= {name: value for name, value in made.items() if name not in {"DATABASE_URL", "DATABASE_OWNER_URL"}}
    assert len(made) == 20
    return made


NAMES = (
    "SECRET_KEY", "SECRET_KEY_FALLBACKS", "FIELD_KEYS", "LEDGER_KEY", "DATABASE_URL", "DATABASE_OWNER_URL",
    "EMAIL_PASSWORD", "METRICS_TOKEN", "OIDC_CLIENT_SECRET", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "PAYMENTS_TOKEN",
    "CRM_USER", "CRM_PASSWORD", "ORDERS_KEY", "MESSAGES_TOKEN", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN",
    "BACKUP_PASSPHRASE",
)  # fmt: skip


def connect(world: World, url: str) -> None:
    """Every system signs in with a planted secret, at a server that tells everything it was sent."""
    signs_in = {
        "payments": {"bearer": "env:PAYMENTS_TOKEN"},
        "crm": {"basic": {"user": "env:CRM_USER", "password": "env:CRM_PASSWORD"}},
        "orders": {"header": {"name": "X-Api-Key", "value": "env:ORDERS_KEY"}},
        "messages": {"bearer": "env:MESSAGES_TOKEN"},
    }
    for name, auth in signs_in.items():
        System.objects.filter(name=name).update(url=url, auth=auth, private_network=True)
    Operation.objects.filter(name="orders.get").update(call={"method": "GET", "path": "/orders/{number}"})
    Operation.objects.filter(name="crm.add_note").update(call={"method": "POST", "path": "/notes"}, case_key="none")


def indiscreet(handler: Handler) -> None:
    """A system that sends back what it was sent, in the body, in a header and in its error; every second time a 500."""
    told = dict(handler.headers.items())
    status = 500 if len(handler.scripted.seen) % 2 == 0 else 200
    handler.answer(status, {"you sent": told, "error": {"message": str(told)}}, {"X-Echo": str(told)[:2_000]})


def spellings(secret: str) -> Iterator[str]:
    """The secret as it might be written somewhere."""
    yield secret
    yield secret[::-1]
    yield urllib.parse.quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield secret.encode().hex()


def hits(text: str, secrets: dict[str, str]) -> set[str]:
    return {name for name, secret in secrets.items() if any(one in text for one in spellings(secret))}


def stored(connection: psycopg.Connection) -> str:
    """Every row of every table as text."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    parts = [
        str(connection.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t').fetchone())
        for (table,) in tables
    ]
    return "\n".join(parts)
