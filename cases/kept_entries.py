"""What a person had entered when their session ended: kept for half an hour, to fill the same form in once more.

It is never sent by itself. Whose it is says a signed cookie that each page of theirs sets: a form without one is not
kept, and nobody else gets it back. It stands sealed in the cache; what signs or proves a person is left out.
"""

import json
import re
import secrets
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

NAME = "kept"  # in the address of the page to which sign-in leads back
SALT = "cases.kept_entries"
SECONDS = 30 * 60
MOST = 100_000  # characters of one form; of more nothing is kept
# Of one form view, of one sign-in, or of one proof: never kept. `not_kept` is how a form names others.
OF_THE_FORM = {"csrfmiddlewaretoken", "nonce", "noted", "seal", "fingerprint", "not_kept", "next"}
SECRET = re.compile(r"passw|secret|credential|token|(^|[._-])(code|pin|otp|cvv|cvc)$", re.IGNORECASE)


@dataclass(frozen=True)
class Kept:
    """The address that the form posts to, and its fields with their values in order."""

    path: str
    fields: dict[str, list[str]]

    @property
    def texts(self) -> list[str]:
        """What was written rather than chosen, as far as it can be told apart."""
        said = [value.strip() for values in self.fields.values() for value in values]
        return [value for value in said if " " in value or not value.isascii()]


def keep(request: HttpRequest) -> str:
    """Keep the form of a request whose session had ended. The key to it; '' if there is nothing or nobody to keep."""
    owner = _owner(request)
    hidden = {*OF_THE_FORM, *request.POST.getlist("not_kept")}
    fields = {name: values for name, values in request.POST.lists() if name not in hidden and not SECRET.search(name)}
    size = sum(len(name) + sum(map(len, values)) for name, values in fields.items())
    if owner is None or not fields or size > MOST:
        return ""
    key = secrets.token_urlsafe(16)
    cache.set(_key(key), _seal().encrypt(json.dumps([owner, request.path, fields]).encode()).decode(), SECONDS)
    return key


def of(request: HttpRequest) -> Kept | None:
    """What was kept under the key in the address, for whose it is; anybody else gets nothing, and it is gone."""
    key = request.GET.get(NAME, "")[:64]
    sealed = cache.get(_key(key)) if key else None
    if sealed is None:
        return None
    try:
        owner, path, fields = json.loads(_seal().decrypt(sealed.encode(), ttl=SECONDS))
    except (InvalidToken, ValueError):
        return None
    if owner != request.user.pk:
        cache.delete(_key(key))
        return None
    return Kept(path, fields)


def mark(request: HttpRequest, response: HttpResponse) -> None:
    """Note with the browser whose forms these pages hold."""
    if _owner(request) != request.user.pk:
        response.set_cookie(
            cookie(),
            signing.dumps(request.user.pk, salt=SALT),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def unmark(response: HttpResponse) -> None:
    """After signing out nobody's forms are kept."""
    response.delete_cookie(cookie(), samesite="Lax")


def cookie() -> str:
    return f"{settings.SESSION_COOKIE_NAME}_of"


def _owner(request: HttpRequest) -> int | None:
    try:
        owner: int = signing.loads(request.COOKIES.get(cookie(), ""), salt=SALT)
    except signing.BadSignature:
        return None
    return owner


def _key(key: str) -> str:
    return f"cases:kept:{key}"


def _seal() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])
