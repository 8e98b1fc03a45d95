"""Tokens of programs, and the calls they made under a key. Services write these; the admin shows and revokes.

A token is stored as the SHA-256 of its text only. Calls under a key live at least 24 hours.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.models import Agent
from cases.models import Team


class ApiToken(models.Model):
    """What a program signs in with. `prefix` finds the row, `hash` is compared in constant time."""

    class Scope(models.TextChoices):
        INTAKE = "intake", _("Hand in requests")
        AGENT = "agent", _("Act as one agent")
        STAFF = "staff", _("Act as one person")
        DECIDE = "decide", _("Decide as that person")
        READ = "read", _("Read what one team or person sees")

    name = models.CharField(_("name"), max_length=120)
    prefix = models.CharField(_("starts with"), max_length=16, unique=True)
    hash = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    agent = models.ForeignKey(
        Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="tokens", verbose_name=_("agent")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_tokens",
        verbose_name=_("person"),
    )
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("team")
    )
    trusted_identity = models.BooleanField(_("its customer numbers are trusted"), default=False)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoked_by = models.CharField(_("revoked by"), max_length=250, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def may(self, *scopes: str) -> bool:
        """True when the token has at least one of `scopes`."""
        return bool(set(scopes) & set(self.scopes))


class IdempotentCall(models.Model):
    """A POST that named a key: what was asked (as a digest) and, once it is known, what was answered."""

    RUNNING: ClassVar = "running"
    DONE: ClassVar = "done"

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="calls")
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    path = models.CharField(max_length=500)
    state = models.CharField(max_length=8, choices=[(RUNNING, _("running")), (DONE, _("done"))], default=RUNNING)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)  # JSON as it was sent: jsonb would reorder it and refuse \u0000
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("call under a key")
        verbose_name_plural = _("calls under a key")
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="call_key_of_token")]
        indexes = [models.Index("created_at", name="call_age")]  # forgetting old keys

    def __str__(self) -> str:
        return f"{self.token_id} {self.key}"
