"""Who gets a new password by mail: whoever has the mail address of an active account now."""

from allauth.account.forms import ResetPasswordForm
from allauth.account.views import PasswordResetView

from orchestrator.accounts import with_mail


class LostPassword(ResetPasswordForm):  # type: ignore[misc]  # allauth has no types
    """allauth keeps every address that an account had when a link was asked for, and would go on sending to them."""

    def clean_email(self) -> str:
        mail: str = super().clean_email()
        self.users = with_mail(mail)
        return mail


lost_password = PasswordResetView.as_view(form_class=LostPassword)
