"""Named credentials, resolved at the moment of the call: `env:NAME`, or `store:NAME` from the encrypted
store.

A secret lives in a `Credential` only. It shows in no repr, and no error of this module names anything but its
name.
"""

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from agents.connectors.base import ConnectorProblem, Store

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
FORBIDDEN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
OWN_SETTINGS = re.compile(
    r"SECRET_KEY.*|FIELD_KEYS|LEDGER_KEY|DATABASE_.*|BROKER_URL|CACHE_URL|EMAIL_PASSWORD|DJANGO_.*|WORK_COMMAND_.*"
    r"|METRICS_TOKEN|OIDC_.*"
)
"""Settings of this product: a map must not be able to send them to a system as its password."""

SHORTEST_TO_HIDE = 6
HIDDEN = "[hidden]"


class CredentialProblem(ConnectorProblem):
    """The system's credential is not there or cannot be used. Nothing was sent."""


@dataclass(frozen=True)
class Credential:
    """The headers that sign a call in, and the secrets in them, for taking them out of what comes back."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def hide_in(self, text: str) -> str:
        """`text` without the secrets, for systems that send back what they were sent."""
        for secret in self.secrets:
            if len(secret) >= SHORTEST_TO_HIDE:
                text = text.replace(secret, HIDDEN)
        return text


def credential_of(auth: Mapping[str, Any], store: Store | None = None) -> Credential:
    """The credential that `auth` of a system names: `{}`, `{bearer}`, `{basic: {user, password}}`, `{header:
    {name, value}}`.

    Raises CredentialProblem, in words that name the credential and never show it.
    """
    if not auth:
        return Credential()
    found = problems_of_auth(auth)
    if found:
        raise CredentialProblem(found[0])
    if "bearer" in auth:
        secret = _resolve(auth["bearer"], store)
        return Credential((("Authorization", f"Bearer {secret}"),), (secret,))
    if "header" in auth:
        secret = _resolve(auth["header"]["value"], store)
        return Credential(((str(auth["header"]["name"]), secret),), (secret,))
    return _basic(auth["basic"], store)


def problems_of_auth(auth: Mapping[str, Any]) -> list[str]:
    """What is wrong with a system's `auth` as written, without looking at any secret."""
    if not auth:
        return []
    if len(auth) != 1 or next(iter(auth)) not in {"bearer", "basic", "header"}:
        return [_("Sign-in must be one of bearer, basic or header.")]
    kind, value = next(iter(auth.items()))
    if kind == "bearer":
        return _problems_of_reference(value)
    keys = {"basic": {"user", "password"}, "header": {"name", "value"}}[kind]
    if not isinstance(value, Mapping) or set(value) != keys:
        return [_("%(kind)s needs exactly: %(keys)s.") % {"kind": kind, "keys": ", ".join(sorted(keys))}]
    if kind == "basic":
        return _problems_of_reference(value["password"])
    return problems_of_header(value["name"]) + _problems_of_reference(value["value"])


def problems_of_header(name: object) -> list[str]:
    """What keeps `name` from being a header that a map may set."""
    if not isinstance(name, str) or not HEADER_NAME.fullmatch(name) or name.lower() in FORBIDDEN_HEADERS:
        return [_("%(name)s cannot be used as a header.") % {"name": name}]
    return []


def _problems_of_reference(reference: object) -> list[str]:
    source, colon, name = reference.partition(":") if isinstance(reference, str) else ("", "", "")
    # The value is not shown here: somebody may have written the secret itself.
    if not colon or source not in {"env", "store"} or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}", name):
        return [_("A credential is named as env:NAME or store:NAME, never written in clear.")]
    if source == "env" and OWN_SETTINGS.fullmatch(name):
        return [_("%(name)s is a setting of this product, not a credential of a system.") % {"name": name}]
    return []


def _basic(parts: Mapping[str, Any], store: Store | None) -> Credential:
    user = str(parts["user"])
    if user.startswith(("env:", "store:")):
        user = _resolve(user, store)
    if ":" in user:
        raise CredentialProblem(_("The user name of a basic sign-in cannot contain a colon."))
    password = _resolve(parts["password"], store)
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Credential((("Authorization", f"Basic {token}"),), (token, password))


def _resolve(reference: str, store: Store | None) -> str:
    source, _colon, name = reference.partition(":")
    secret = os.environ.get(name) if source == "env" else store(name) if store else None
    secret = (secret or "").strip()
    if not secret:
        where = _("the environment") if source == "env" else _("the store of credentials")
        raise CredentialProblem(
            _("The credential %(name)s is not set in %(where)s.") % {"name": reference, "where": where}
        )
    if not all("\x21" <= character <= "\x7e" or character == " " for character in secret):
        raise CredentialProblem(
            _("The credential %(name)s contains characters that cannot be sent.") % {"name": reference}
        )
    return secret
