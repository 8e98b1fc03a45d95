"""Forms of the notices: what a person wants by mail, and a team's channel in the admin."""

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from orchestrator.notices.models import MailChoice, TeamHook, may_be_named, seal

NAME = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]{0,99})")


class MailForm(forms.Form):
    """On the settings page."""

    mails = forms.ChoiceField(label=_("Mails"), choices=MailChoice.Mode.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class HookForm(forms.ModelForm):  # type: ignore[type-arg]
    """The address is written once and never shown again; left empty, the one that is there stays."""

    address = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=1500,
        widget=forms.TextInput(attrs={"size": 80, "autocomplete": "off"}),
        help_text=_("env:NAME, or the address itself: it is stored encrypted and not shown again. Empty: as it is."),
    )

    class Meta:
        model = TeamHook
        fields = ("team", "kind", "language", "private_network", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and not self.instance.is_sealed:
            self.initial["address"] = self.instance.address
        else:
            self.initial["address"] = ""

    def clean_address(self) -> str:
        given = str(self.cleaned_data["address"]).strip()
        if not given:
            if not self.instance.pk:
                raise forms.ValidationError(_("Write env:NAME or the address."))
            return str(self.instance.address)
        named = NAME.fullmatch(given)
        if named:
            if not may_be_named(named[1]):
                raise forms.ValidationError(_("This is a setting of the product, not an address."))
            return given
        if urlsplit(given).scheme not in ("https", "http") or not urlsplit(given).netloc:
            raise forms.ValidationError(_("An address begins with https://."))
        return seal(given)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if "address" in self.cleaned_data:
            self.instance.address = self.cleaned_data["address"]
