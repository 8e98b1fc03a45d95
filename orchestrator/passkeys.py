"""The forms of passkeys and security keys, which refuse in words an answer that lacks a part; allauth's break on it.

Named in the settings (`MFA_FORMS`), where the step before a decision finds its own too.
"""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms


class _Whole:
    """A key's answer, read where `clean_credential` is."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except KeyError as missing:
            raise get_adapter().validation_error("incorrect_code") from missing


class Login(_Whole, forms.LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """Instead of a password."""


class Authenticate(_Whole, forms.AuthenticateWebAuthnForm):  # type: ignore[misc]
    """After a password."""


class Reauthenticate(_Whole, forms.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """Of somebody who is signed in."""


class Add(forms.AddWebAuthnForm):  # type: ignore[misc]
    """A new key, whose answer is read with the whole form."""

    def clean(self) -> Any:
        try:
            return super().clean()
        except KeyError as missing:
            raise get_adapter().validation_error("incorrect_code") from missing
