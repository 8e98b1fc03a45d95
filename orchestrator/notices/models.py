"""What people and teams are told: one row for each thing told to each of them, made before it is sent.

Rows are changed in `transitions.py` only. What there is to tell is never stored: it is worked out from the approvals
and cases as they stand (`planning.py`).
"""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agents.connectors.credentials import OWN_SETTINGS
from cases.models import Team

SEALED = "sealed:"


class MailChoice(models.Model):
    """What a person wants to get by mail. No row: as usual. What was passed up or is overdue is always sent."""

    class Mode(models.TextChoices):
        AT_ONCE = "at_once", _("Urgent ones at once, the others together at 09:00 and 14:00")
        DIGEST = "digest", _("All together at 09:00 and 14:00")
        NONE = "none", _("None, but for what is passed up to you or overdue")

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mail_choice")
    mode = models.CharField(_("mails"), max_length=10, choices=Mode, default=Mode.AT_ONCE)

    class Meta:
        verbose_name = _("choice of mails")
        verbose_name_plural = _("choices of mails")

    def __str__(self) -> str:
        return self.get_mode_display()


class TeamHook(models.Model):
    """An incoming webhook of a team's channel. `address` is `env:NAME`, or sealed: it is a password by itself."""

    class Kind(models.TextChoices):
        SLACK = "slack", "Slack"
        TEAMS = "teams", "Microsoft Teams"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="hooks", verbose_name=_("team"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    address = models.CharField(_("address"), max_length=2000)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    private_network = models.BooleanField(_("private network allowed"), default=False)
    active = models.BooleanField(_("active"), default=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("team channel")
        verbose_name_plural = _("team channels")
        constraints = [models.UniqueConstraint(fields=["team", "kind"], name="one_hook_of_team_and_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.team}"

    @property
    def is_sealed(self) -> bool:
        return self.address.startswith(SEALED)


def seal(address: str) -> str:
    """An address as it is stored: with the newest of `FIELD_KEYS`."""
    return SEALED + _keys().encrypt(address.encode()).decode()


def unsealed(stored: str) -> str | None:
    """The address back; None if no key of ours opens it."""
    try:
        return _keys().decrypt(stored.removeprefix(SEALED).encode()).decode()
    except InvalidToken:
        return None


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def may_be_named(name: str) -> bool:
    """Whether a variable of the environment may hold an address: never one of this product's own settings."""
    return bool(name) and OWN_SETTINGS.fullmatch(name) is None


class Notice(models.Model):
    """One thing that one person (or one team's channel) is told once. Made before it is sent.

    `item`: `approval:UUID`, `case:ID` or `digest`; `kind`: which of the things to say about it. `covers`: the items
    of a digest. A crash leaves the row as it was, and the row decides what is done next.
    """

    class State(models.TextChoices):
        RESERVED = "reserved", _("To be sent")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Refused")
        UNKNOWN = "unknown", _("Unknown")
        DROPPED = "dropped", _("No longer needed")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="notices")
    hook = models.ForeignKey(TeamHook, on_delete=models.CASCADE, null=True, related_name="notices")
    item = models.CharField(_("about"), max_length=60)
    kind = models.CharField(_("kind"), max_length=60)
    covers = models.JSONField(default=list)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.RESERVED)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    blind = models.PositiveSmallIntegerField(_("ended unknown"), default=0)
    try_at = models.DateTimeField(_("next try"))
    reserved_at = models.DateTimeField(_("reserved at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-id"]
        indexes = [
            models.Index("try_at", name="notice_due", condition=Q(state__in=["reserved", "sending"])),  # claims
            models.Index("user", "reserved_at", name="notice_of_person"),  # what somebody was told lately
            models.Index("hook", "reserved_at", name="notice_of_hook"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "item", "kind"], condition=Q(hook=None), name="person_told_once"),
            models.UniqueConstraint(fields=["hook", "item", "kind"], condition=Q(user=None), name="hook_told_once"),
            models.CheckConstraint(condition=Q(user=None) ^ Q(hook=None), name="notice_to_person_or_hook"),
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.kind}"

    @property
    def items(self) -> list[str]:
        """Everything that this says something about."""
        covers: list[Any] = self.covers
        return [str(one) for one in covers] if self.item == "digest" else [self.item, *map(str, covers)]
