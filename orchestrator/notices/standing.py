"""The named person is told when their standing approval comes near a cap or its last day: once a cap, a day at most.

Afterwards people are asked again, so it is no emergency; who wants no mails gets none, and the page says it as well.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, tzinfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from approvals.models import StandingApproval
from approvals.usage import Cap, Usage, usage
from cases.canonical import decimal_text
from cases.models import Company
from cases.texts import say
from cases.wording import money
from orchestrator.notices import transitions
from orchestrator.notices.letters import TAGS, Letter, Setting
from orchestrator.notices.models import MailChoice, Notice
from orchestrator.notices.plain import fit, line
from orchestrator.notices.planning import Plan
from orchestrator.notices.selectors import mode_of

OTHER_WORDS = 40  # of the mail, beside its rows
PREFIX = "standing:"


def plan(now: datetime, zone: tzinfo, known: Iterable[User]) -> None:
    """Make one row for what is new to each of `known` who wants mails. Three queries, and two for each person to be
    told. The mail says all that is near, so its row covers all of it: what it overtakes is not taken up again.
    """
    wanting = {user.pk for user in known if mode_of(user) != MailChoice.Mode.NONE}
    rows = [row for row in _rows() if row.is_confirmed and row.confirmed_by_id in wanting]
    near = [used for used in usage(rows, now=now, zone=zone).values() if used.near]
    before = told(near)
    for used in near:
        person, item = used.row.confirmed_by_id, _item(used)
        assert person is not None  # noqa: S101  # filtered above
        new = next((kind for kind in used.warnings if kind not in before.get((person, item), ())), None)
        if new:
            covers = tuple(kind for kind in used.warnings if kind != new)
            transitions.reserve([Plan(item, new, covers)], now=now, user_id=person)


def told(near: Collection[Usage]) -> dict[tuple[int | None, str], set[str]]:
    """Of the warnings of now, those that were said: by person and item. Those of other days are not read. One query."""
    kinds = sorted({kind for used in near for kind in used.warnings})
    about = Q(kind__in=kinds)
    for kind in kinds:
        about |= Q(covers__contains=[kind])
    said = Notice.objects.filter(about, item__in=[_item(used) for used in near], user__isnull=False)
    found: dict[tuple[int | None, str], set[str]] = {}
    for user_id, item, kind, covers in said.exclude(state=Notice.State.DROPPED).values_list(
        "user", "item", "kind", "covers"
    ):
        found.setdefault((user_id, item), set()).update([kind, *covers])
    return found


def letter(key: str, user: User, at: Setting) -> Letter | None:
    """What there is to say now; None if it is no longer in force, theirs, or near anything."""
    row = next((one for one in _rows() if str(one.pk) == key), None)
    if row is None or not row.is_confirmed or row.confirmed_by_id != user.pk:
        return None
    used = usage([row], now=at.now, zone=at.zone)[row.pk]
    return _letter(used, at) if used.near else None


def _letter(used: Usage, at: Setting) -> Letter:
    currency = Company.objects.values_list("currency", flat=True).first() or "HKD"
    name = line(say(used.row.rule.title, at.language) or used.row.rule.name)
    near = [_cap(cap, currency) for cap in used.caps if cap.near]
    if used.ends:
        near.append(_("ends on %(day)s") % {"day": f"{used.ends:%d %b %Y}"})
    labels = [_("Used"), _("Your rule"), _("What you can do")]
    said = ["; ".join(near), line(say(used.row.rule.sentence, at.language)), _("pause it, withdraw it, or leave it")]
    return Letter(
        line(_("Your standing approval is near its limit: %(name)s") % {"name": name}),
        _("When it is used up, a person is asked each time."),
        settings.PUBLIC_URL + reverse("approvals:standing"),
        _("See your standing approvals"),
        TAGS.get(at.language, at.language),
        rows=list(zip(labels, fit(said, OTHER_WORDS), strict=True)),
    )


def _item(used: Usage) -> str:
    return f"{PREFIX}{used.row.pk}"


def _cap(cap: Cap, currency: str) -> str:
    used, most = (money(n, currency) if cap.is_money else decimal_text(n) for n in (cap.used, cap.most))
    text = _("%(used)s of %(most)s in all") if cap.name == "total" else _("%(used)s of %(most)s today")
    return text % {"used": used, "most": most}


def _rows() -> list[StandingApproval]:
    rows = StandingApproval.objects.filter(confirmed_at__isnull=False, withdrawn_at=None, rule__retired=False)
    return list(rows.filter(rule__active=True).select_related("rule", "confirmed_by").order_by("pk"))
