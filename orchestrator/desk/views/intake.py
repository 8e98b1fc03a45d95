"""The form in which staff hand in a request for somebody."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import services
from cases.actors import person
from cases.models import Case, RequestType
from cases.services import Sender
from cases.signed_in import signed_in
from orchestrator.desk.forms import IntakeForm, form_fields


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new_request(request: HttpRequest) -> HttpResponse:
    """A new case from staff. A chosen type skips sorting; with `choose` only the questions of its form are shown."""
    types = list(RequestType.objects.filter(retired=False).order_by("name"))
    chosen = next((t for t in types if t.name == (request.POST.get("type") or request.GET.get("type"))), None)
    sent = request.method == "POST" and "choose" not in request.POST
    form = IntakeForm(request.POST if sent else None, asked=form_fields(chosen))
    form.initial = request.POST.dict()  # what was entered stays while a type is chosen
    if sent and form.is_valid():
        values = form.cleaned_data
        case, _new = services.take_in(
            actor=person(request.user),
            source=values["source"],
            channel=values["channel"],
            sender=Sender(name=values["name"], contact=values["contact"], customer=values["customer"]),
            subject=values["subject"],
            text=values["text"],
            type_name=chosen.name if chosen else "",
            form=form.answers,
        )
        messages.success(request, _("Case %(number)s is taken in.") % {"number": case.number})
        if Case.objects.visible_to(request.user).filter(pk=case.pk).exists():
            return redirect("desk:case", case.pk)
        return redirect("desk:my-work")  # it went to a team this person is not in
    context = {"area": "cases", "form": form, "types": types, "chosen": chosen}
    return render(request, "desk/new_request.html", context, status=422 if form.errors else 200)
