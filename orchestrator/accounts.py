"""Who may open an account: nobody by themselves. Admins and `load_people` make people.

Who signs in through the company's identity provider is found by a mail address that the provider verified, and is then
in the teams that `OIDC_GROUPS` gives to the groups that the provider names.
"""

import logging
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.stagekit import clear_login
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse, SignupClosedException
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cases.actors import Actor
from cases.errors import NoRight, Refusal
from orchestrator.workmap import services

log = logging.getLogger(__name__)

PROVED = "password_at_sign_in"  # in the session between the steps of a sign-in: a digest of the password of then
ASKED = "asked_at_the_provider"  # in the session: when, in seconds since 1970
PROVIDER = Actor("control", "identity provider")


class NotMailed(Refusal):
    """The mail server did not take a mail."""

    code = "unavailable"
    http_status = 503


class Password(ModelBackend):
    """Sign-in by user name or mail address and password, with exactly one password hashed whoever is named: allauth's
    own backend beside Django's hashes more for a known mail address, and so the time tells that it is known.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **said: Any
    ) -> User | None:
        name = username or said.get("email")
        if not name or password is None:
            return None
        user = _named(str(name))
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None


def _named(name: str) -> User | None:
    """The account with this user name, else the only one with this mail address.

    Letters are compared by Python, as where tries are counted: PostgreSQL also takes ſ for s and ı for i.
    """
    named = User.objects.filter(Q(username__iexact=name) | Q(email__iexact=name))[:10]
    found = [user for user in named if name.lower() in (user.username.lower(), user.email.lower())]
    for match in (
        [user for user in found if user.username == name],
        [user for user in found if user.username.lower() == name.lower()],
        found,
    ):
        if match:
            return match[0] if len(match) == 1 else None
    return None


class ClosedAccountAdapter(DefaultAccountAdapter):
    """Sign-in for people who have an account; no sign-up.

    Before a second factor is changed or a first password set people prove themselves anew. Whoever has neither a
    password nor a second factor does so at the identity provider, so that they can get their first one.
    """

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is away is said to be, alike for every address: nothing here is broken."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as problem:  # smtplib's errors are of this kind too
            log.warning("accounts.mail_not_sent", extra={"kind": type(problem).__name__})
            raise NotMailed(
                _("The mail could not be sent, so there is no link. Try again in a while, or ask an admin.")
            ) from problem

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **said: Any) -> str:
        """Wrong tries are counted for a name. allauth counts them for each host name apart, and whoever tries says that
        as well, with any port.
        """
        return str(said.get("email") or said.get("username") or "").lower()

    def get_reset_password_from_key_url(self, key: str) -> str:
        """As all links of mails: the host name of a request is whatever its sender says, with any port."""
        address: str = super().get_reset_password_from_key_url(key)
        return settings.PUBLIC_URL + urlsplit(address).path

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Ways to prove oneself anew, the first one first: a second factor for whoever has one, as a password would
        make it worth no more than itself; the provider for whoever has nothing here.
        """
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        ways = [way for way in ways if way["id"].startswith("mfa_")] or ways
        return ways or ([_at_the_provider()] if self.request.session.get(ASKED) else [])

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        """For whatever asks (second factors, a first password); but whoever has nothing here not within five minutes of
        the provider's asking them.
        """
        if super().get_reauthentication_methods(self.request.user):
            return True
        asked = self.request.session.get(ASKED)
        return asked is None or time.time() - asked >= app_settings.REAUTHENTICATION_TIMEOUT

    def pre_login(self, request: HttpRequest, user: Any, **more: Any) -> HttpResponse | None:
        """The first proof was right; a second factor may be asked for before `login`."""
        request.session[PROVED] = user.get_session_auth_hash()
        refused: HttpResponse | None = super().pre_login(request, user, **more)
        return refused

    def login(self, request: HttpRequest, user: Any) -> None:
        """Whoever proved a password that was changed since begins anew."""
        if request.session.pop(PROVED, None) != user.get_session_auth_hash():
            clear_login(request)
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))
        super().login(request, user)

    def post_login(
        self, request: HttpRequest, user: Any, *, signal_kwargs: dict[str, Any] | None, **more: Any
    ) -> HttpResponse:
        """Keep when the provider asked who this is, if they came through it: it sends back a browser that it remembers
        without asking. One that does not say when proves nothing.
        """
        sociallogin = (signal_kwargs or {}).get("sociallogin")
        if sociallogin is not None:
            asked = (sociallogin.account.extra_data.get("id_token") or {}).get("auth_time")
            request.session[ASKED] = min(asked, time.time()) if isinstance(asked, int | float) else None
        answer: HttpResponse = super().post_login(request, user, signal_kwargs=signal_kwargs, **more)
        return answer


def _at_the_provider() -> dict[str, Any]:
    return {
        "id": "provider",
        "description": _("Sign in again with your company account"),
        "url": reverse("reauthenticate_at_the_provider"),
    }


@require_safe
def at_the_provider(request: HttpRequest) -> HttpResponse:
    """On to the provider, which is to ask who this is although it may remember."""
    anew = {"prompt": "login", "max_age": app_settings.REAUTHENTICATION_TIMEOUT}
    query = {"process": "login", "auth_params": urlencode(anew), "next": get_next_redirect_url(request) or "/"}
    return HttpResponseRedirect(f"{reverse('openid_connect_login', args=['company'])}?{urlencode(query)}")


class ClosedSocialAccountAdapter(DefaultSocialAccountAdapter):
    """Sign-in through the company's own identity provider for people who have an account; no sign-up."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """The provider has said who this is; nobody is signed in yet.

        Its verified mail address finds the account each time: one that was found by an address is not its owner's for
        ever, as addresses are corrected and given to others.
        """
        if sociallogin.state.get("process") != "login":
            raise NoRight(_("A company account belongs to whoever has its mail address here. Nothing was changed."))
        user = _of_ours(sociallogin)
        if user is None:
            raise SignupClosedException
        if not sociallogin.is_existing or sociallogin.user != user:
            sociallogin.connect(request, user)
        if settings.OIDC_GROUPS:
            groups = _groups(sociallogin.account.extra_data)
            services.join_teams(
                actor=PROVIDER,
                user=sociallogin.user,
                wanted={team for group, team in settings.OIDC_GROUPS if group in groups},
                among={team for _group, team in settings.OIDC_GROUPS},
            )


class SealedMFAAdapter(DefaultMFAAdapter):
    """Keys of second factors are stored sealed with `FIELD_KEYS`: who reads the database cannot make codes."""

    def build_totp_svg(self, url: str) -> str:
        """The QR code as a part of the page: the policy of our pages lets no picture stand in an address."""
        svg: str = super().build_totp_svg(url)
        return svg[svg.index("<svg") :]

    def encrypt(self, text: str) -> str:
        return _seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _seal().decrypt(encrypted_text.encode()).decode()


def _seal() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def closed(request: HttpRequest, **_: str) -> HttpResponse:
    """In the place of allauth's pages of mail addresses and of connected accounts (mail addresses name people to the
    identity provider, so admins set them) and of its codes by mail, which prove less than what they would change.
    """
    raise Http404


def with_mail(mail: str) -> list[User]:
    """The active accounts with this mail address. Letters are compared by Python: PostgreSQL also takes ſ for s."""
    found = User.objects.filter(email__iexact=mail, is_active=True)
    return [user for user in found if user.email.lower() == mail.lower()]


def _of_ours(sociallogin: Any) -> User | None:
    """The one active account with a mail address that the provider verified; None if there are two, or none."""
    mails = [address.email for address in sociallogin.email_addresses if address.verified]
    found = [user for mail in mails for user in with_mail(mail)]
    return found[0] if len(found) == 1 else None


def _groups(said: dict[str, Any]) -> set[str]:
    """The groups that the provider named, in the user info or the ID token. Nothing said: none, so no team."""
    for part in ("userinfo", "id_token"):
        groups = (said.get(part) or {}).get(settings.OIDC_GROUPS_CLAIM)
        if isinstance(groups, list):
            return {str(group) for group in groups}
    return set()
