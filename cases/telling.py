"""What a requester is told about their request, in plain words and in their language. Pure: nothing inside is named."""

from django.utils import translation
from django.utils.translation import gettext as _

from cases.models import Case

S = Case.Status


def told(case: Case) -> str:
    """One or two sentences on where the request stands, in the language of the request."""
    with translation.override(case.language):
        return _words(case)


def _words(case: Case) -> str:
    if case.status == S.DONE:
        if case.outcome == "withdrawn":
            return _("You took this request back. Nothing more is done about it.")
        return _("This request is finished. Write again if something is missing, and it is opened again.")
    if case.status == S.MERGED:
        return _("This request goes on under the number %(number)s.") % {"number": f"C-{case.merged_into_id}"}
    if case.status == S.WAITING_CUSTOMER:
        return _("We have asked you something and go on when you answer.")
    if case.status == S.WAITING_APPROVAL:
        return _("A manager decides about this. You hear from us when that is done.")
    if case.status == S.WAITING_WRITE:
        return _("It is decided and is being carried out.")
    if case.status in (S.WITH_PERSON, S.REPAIR, S.TRIAGE):
        return _("A member of our team is looking at this.")
    return _("We have your request and are working on it.")
