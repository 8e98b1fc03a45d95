"""allauth's forms of sign-in where they fall short.

Named in the settings (`ACCOUNT_FORMS`, `MFA_FORMS`), where the step before a decision finds its own too.
"""

from typing import Any

from allauth.account.forms import ResetPasswordForm
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms

from orchestrator.accounts import with_mail


class LostPassword(ResetPasswordForm):
    """A new password goes by mail to whoever has the address of an active account now: allauth keeps every address that
    an account had when a link was asked for, and would go on sending to them.
    """

    def clean_email(self) -> str:
        mail: str = super().clean_email()
        self.users = with_mail(mail)
        return mail


class _Whole:
    """A key's answer that lacks a part is refused in words; allauth's form breaks on it."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]  # of the form beside it
        except KeyError as missing:
            raise get_adapter().validation_error("incorrect_code") from missing


class Login(_Whole, forms.LoginWebAuthnForm):
    """Instead of a password."""


class Authenticate(_Whole, forms.AuthenticateWebAuthnForm):
    """After a password."""


class Reauthenticate(_Whole, forms.ReauthenticateWebAuthnForm):
    """Of somebody who is signed in."""


class Add(forms.AddWebAuthnForm):
    """A new key, whose answer is read with the whole form."""

    def clean(self) -> Any:
        try:
            return super().clean()
        except KeyError as missing:
            raise get_adapter().validation_error("incorrect_code") from missing
