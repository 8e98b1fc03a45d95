"""Who a program is: a Bearer token, its scopes, and the actor it stands for. Browser sessions mean nothing
here.
"""

import hashlib
import hmac
import re
from typing import Final

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from cases import actors
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NoRight
from orchestrator.api.errors import Unauthenticated
from orchestrator.api.models import ApiToken

PREFIX_LENGTH: Final = 11  # `wc_` and eight characters
_FORM = re.compile(r"wc_[A-Za-z0-9]{8}_[A-Za-z0-9]{40}")


def hash_of(secret: str) -> str:
    """SHA-256 of a token's whole text. Tokens have 238 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer wc_…`. Whatever is wrong with it, the answer is the same 401."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiToken]:
        """The token of the request as `request.auth`. Nobody is signed in by it. Raises `Unauthenticated`."""
        return AnonymousUser(), token_of(request._request)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def token_of(request: HttpRequest) -> ApiToken:
    """The token in force that the request shows. Raises `Unauthenticated`."""
    kind, _space, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip(" ")
    if kind.lower() != "bearer" or not _FORM.fullmatch(secret):
        raise Unauthenticated
    token = ApiToken.objects.select_related("agent", "user", "team").filter(prefix=secret[:PREFIX_LENGTH]).first()
    known = hmac.compare_digest(token.hash if token else "0" * 64, hash_of(secret))
    if token is None or not known or not _in_force(token):
        raise Unauthenticated
    return token


def _in_force(token: ApiToken) -> bool:
    if token.revoked_at or token.expires_at <= database_now():
        return False
    if token.user is not None and not token.user.is_active:
        return False
    return not (token.agent is not None and token.agent.retired)


def require(token: ApiToken, scopes: tuple[str, ...]) -> None:
    """Raise `NoRight` unless the token has one of `scopes`."""
    if not token.may(*scopes):
        raise NoRight(needs=list(scopes), has=list(token.scopes))


def actor_of(token: ApiToken) -> Actor:
    """Who acts: the agent of an agent token, the person of a staff token, else the program itself."""
    if token.may("agent") and token.agent:
        return actors.agent(token.agent, token_id=token.pk)
    if token.may("staff") and token.user:
        return actors.person(token.user, token_id=token.pk, token_name=token.name)
    return actors.system_token(token.name, token.pk, trusted=token.trusted_identity)
