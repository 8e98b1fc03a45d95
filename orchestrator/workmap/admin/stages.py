"""The stages of a rule on its admin page: labelled fields for each, in the order in which they are asked."""

from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.workmap.ruling.offering import Offer
from orchestrator.workmap.ruling.staging import Stage

UNITS = (("m", gettext_lazy("minutes")), ("h", gettext_lazy("hours")), ("d", gettext_lazy("days")))
ORDERS = (("", gettext_lazy("one after the other")), ("at_once", gettext_lazy("all at once")))
SHARING = (("", gettext_lazy("one stage at most")), ("no", gettext_lazy("every stage whose team they are in")))
PARTS = ("ask", "people", "within", "within_unit", "calendar", "pass_to", "pass_within", "pass_within_unit")


def choose(label: Any, options: Any, initial: str) -> forms.ChoiceField:
    """A select; what is chosen stays on offer, although it may be gone meanwhile."""
    there = {one for one, _words in options}
    more = [] if initial in there else [(initial, initial)]
    return forms.ChoiceField(label=label, choices=[*options, *more], initial=initial, required=False)


def fields(stages: tuple[Stage, ...], offer: Offer) -> dict[str, forms.Field]:
    """The fields of all stages by name, and how many there are."""
    text = partial(forms.CharField, required=False)
    made: dict[str, forms.Field] = {
        "s_stages": forms.CharField(initial=str(len(stages)), required=False, widget=forms.HiddenInput)
    }
    for n, stage in enumerate(stages):
        at, place = f"s_stage_{n}", {"n": n + 1}
        within, within_unit = stage.within
        passing, passing_unit = stage.pass_within
        said = {
            "ask": choose(_("Stage %(n)s: ask") % place, [("", "—"), *offer.teams], stage.ask),
            "people": text(label=_("Stage %(n)s: how many people") % place, initial=stage.people),
            "within": text(label=_("Stage %(n)s: within") % place, initial=within),
            "within_unit": choose(_("Stage %(n)s: within, unit") % place, UNITS, within_unit),
            "calendar": choose(
                _("Stage %(n)s: in working time of") % place, [("", _("clock time")), *offer.calendars], stage.calendar
            ),
            "pass_to": choose(
                _("Stage %(n)s: if nobody answers, pass to") % place,
                [("", _("the team above")), *offer.teams],
                stage.pass_to,
            ),
            "pass_within": text(label=_("Stage %(n)s: who answers within") % place, initial=passing),
            "pass_within_unit": choose(_("Stage %(n)s: who answers within, unit") % place, UNITS, passing_unit),
        }
        made |= {f"{at}_{part}": field for part, field in said.items()}
    return made
