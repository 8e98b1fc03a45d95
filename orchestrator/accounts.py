"""Who may open an account: nobody by themselves. Admins and `load_people` make people."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Sign-in for people who have an account; no sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class ClosedSocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Sign-in through the company's own identity provider for people who have an account; no sign-up."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:
        return False
