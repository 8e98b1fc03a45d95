"""The step between an answer and its decision: a passkey or a one-time code, where one is asked for.

What was filled in goes through it unchanged, as hidden fields of its own form. It works without scripts by a code.
"""

import time
from datetime import datetime
from typing import Any

from allauth.mfa import app_settings
from allauth.mfa.base.forms import ReauthenticateForm
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import begin_authentication
from allauth.utils import get_form_class
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from approvals.step_up import Proof
from cases.clock import database_now

KEY = "approvals_step_up"  # in the session: who, how, when
OWN = frozenset({"csrfmiddlewaretoken", "code", "credential", "back"})  # fields of this step, not of the answer


class CodeForm(ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """A one-time code of the person's app. A recovery code is for who lost it, not for a decision."""

    def clean_code(self) -> str:
        allow_again = check_rate_limit(self.user)
        code = str(self.cleaned_data["code"]).strip()
        app = Authenticator.objects.filter(user=self.user, type=Authenticator.Type.TOTP).first()
        if app is None or _used(app) or not app.wrap().validate_code(code):
            if app is not None:
                self._emit_authentication_failed(app)
            raise forms.ValidationError(_("This code is wrong or was used already. Wait for the next one."))
        app.user = self.user
        self.authenticator = app
        allow_again()
        return code


def _used(app: Authenticator) -> bool:
    """Whether this half minute's code was used, also if the cache forgot it: the row of the app knows when it was."""
    last = app.last_used_at
    return last is not None and last.timestamp() // app_settings.TOTP_PERIOD >= time.time() // app_settings.TOTP_PERIOD


def take(request: HttpRequest) -> list[str]:
    """Check the code or passkey that came with the form, if one did, and remember that it was given.

    Returns what is wrong with it, in words; nothing if it was right or none came.
    """
    if request.POST.get("credential"):
        key_form = get_form_class(app_settings.FORMS, "reauthenticate_webauthn", None)
        form, method = key_form(data=request.POST, user=request.user), "webauthn"
    elif request.POST.get("code"):
        form, method = CodeForm(data=request.POST, user=request.user), "totp"
    else:
        return []
    if not form.is_valid():
        return [str(words) for found in form.errors.values() for words in found]
    form.save()
    request.session[KEY] = [request.user.pk, method, database_now().isoformat()]
    return []


def proof_of(request: HttpRequest) -> Proof | None:
    """The second factor that this person gave in this session, however long ago."""
    kept: list[Any] = request.session.get(KEY) or []
    if len(kept) != 3 or kept[0] != request.user.pk:
        return None
    return Proof(kept[1], datetime.fromisoformat(kept[2]))


def ask(
    request: HttpRequest, *, title: Any, words: str, wrong: list[str], back: bool = False, **changed: str
) -> HttpResponse:
    """The page of the step, which posts to where the answer went. `words`: of its button; `changed`: kept otherwise."""
    own = Authenticator.objects.filter(user=request.user.pk)
    types = set(own.values_list("type", flat=True))
    passkey = Authenticator.Type.WEBAUTHN in types
    kept = [(name, each) for name, values in request.POST.lists() if name not in OWN for each in values]
    context = {
        "area": "approvals",
        "title": title,
        "words": words,
        "wrong": wrong,
        "back": back,
        "kept": [(name, changed.get(name, each)) for name, each in kept],
        "app": Authenticator.Type.TOTP in types,
        "passkey": passkey,
        "js_data": {"request_options": begin_authentication(request.user)} if passkey else None,
    }
    return render(request, "approvals/step_up.html", context, status=422 if wrong else 200)
