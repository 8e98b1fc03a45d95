"""Checks of the company, its calendars and its teams. Pure."""

from zoneinfo import ZoneInfo, available_timezones

from django.utils.translation import gettext as _

from cases.calendars import WorkingHours
from orchestrator.workmap.checking.book import Book, circle
from orchestrator.workmap.problems import nearest
from orchestrator.workmap.records import Record

DRAFT_NAMES = ("request", "draft")


def check(book: Book) -> None:
    if not book.names("company"):
        book.add(("company", ""), _("the map has no `company`, and none is loaded yet"))
    for _name, company in book.of("company"):
        _company(book, company)
    for name, calendar in book.of("calendar"):
        hours = calendar["hours"]
        for problem in WorkingHours(hours, ZoneInfo("UTC"), calendar.get("holidays") or None).check():
            book.says(("calendar", name, "hours"), problem)
    teams = {name: [team["escalates_to"]] for name, team in book.of("team") if "escalates_to" in team}
    for name, team in book.of("team"):
        book.refer(("team", name, "escalates_to"), "team", team.get("escalates_to"))
    around = circle({**{name: [] for name in book.names("team")}, **teams})
    if around:
        at = ("team", around[0], "escalates_to")
        book.says(at, _("passing up goes in a circle: %(names)s") % {"names": " → ".join(around)})


def _company(book: Book, company: Record) -> None:
    zone = company.get("time_zone", "UTC")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        text = _("there is no time zone `%(zone)s`") % {"zone": zone}
        # All names are asked for only here: it takes a tenth of a second.
        book.says(("company", "", "time_zone"), text + nearest(zone, available_timezones()))
    if customer := company.get("customer"):
        at = ("company", "", "customer")
        if book.refer((*at, "look_up"), "operation", customer["look_up"]):
            book.is_read((*at, "look_up"), customer["look_up"])
            book.given((*at, "arguments"), customer["look_up"], customer.get("arguments", {}))
        book.fill_ins((*at, "arguments"), customer.get("arguments", {}), {"request"})
        book.path((*at, "path"), customer["path"])
    if reply := company.get("reply"):
        at = ("company", "", "reply")
        if book.refer((*at, "operation"), "operation", reply["operation"]):
            book.is_write((*at, "operation"), reply["operation"])
            book.given((*at, "with"), reply["operation"], reply.get("with", {}))
        book.fill_ins((*at, "with"), reply.get("with", {}), DRAFT_NAMES)
