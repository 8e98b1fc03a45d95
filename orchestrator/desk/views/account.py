"""A person's own settings: language, theme, keyboard, own hold."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from approvals import filters
from cases.actors import person
from cases.models import Person
from cases.signed_in import signed_in
from orchestrator.desk.forms import LANGUAGES, SettingsForm
from orchestrator.desk.selectors.shell import forget_shell
from orchestrator.notices import selectors as told
from orchestrator.notices import services as notices
from orchestrator.notices.forms import MailForm


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """Show and keep the settings."""
    user_id = int(request.user.pk or 0)
    own = Person.objects.filter(user=user_id).first() or Person(user_id=user_id)
    sent = request.POST if request.method == "POST" else None
    form = SettingsForm(sent, instance=own, initial={"open_next": filters.opens_next(request.user)})
    mails = MailForm(sent if sent and "mails" in sent else None, initial={"mails": told.mode_of(request.user)})
    if form.is_valid() and (mails.is_valid() or not mails.is_bound):
        form.save()
        filters.choose_next(actor=person(request.user), open_next=form.cleaned_data["open_next"])
        if mails.is_bound:
            notices.choose(actor=person(request.user), mode=mails.cleaned_data["mails"])
        forget_shell(user_id)
        translation.activate(own.language)
        messages.success(request, _("Your settings are kept."))
        return redirect("desk:account")
    wrong = form.errors or mails.errors
    return render(request, "desk/settings.html", {"form": form, "mails": mails}, status=422 if wrong else 200)


@signed_in
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Change the language from the foot of any page."""
    chosen = request.POST.get("language", "")
    if chosen in dict(LANGUAGES):
        user_id = int(request.user.pk or 0)
        Person.objects.update_or_create(user_id=user_id, defaults={"language": chosen})
        forget_shell(user_id)
    target = request.POST.get("next", "/")
    return HttpResponseRedirect(target if url_has_allowed_host_and_scheme(target, {request.get_host()}) else "/")
