"""Pages over all floors: a table of contents."""

from django.urls import path, register_converter

from orchestrator.desk import numbers
from orchestrator.desk.views import account, ai, asking, by_hand, cases, intake, my_work, search

register_converter(numbers.CaseNumber, "case_number")

app_name = "desk"
urlpatterns = [
    path("", my_work.my_work, name="my-work"),
    path("cases/", cases.queue, name="cases"),
    path("cases/<case_number:case_id>/", cases.case, name="case"),
    path("cases/<case_number:case_id>/story/", cases.story_part, name="story"),
    path("cases/<case_number:case_id>/sort/", cases.sort, name="sort"),
    path("cases/<case_number:case_id>/message/", cases.message, name="message"),
    path("cases/<case_number:case_id>/take-over/", cases.take_over, name="take-over"),
    path("cases/<case_number:case_id>/hand-back/", cases.hand_back, name="hand-back"),
    path("cases/<case_number:case_id>/close/", cases.close, name="close"),
    path("cases/<case_number:case_id>/reopen/", cases.reopen, name="reopen"),
    path("cases/<case_number:case_id>/withdraw/", cases.withdraw, name="withdraw"),
    path("cases/<case_number:case_id>/by-hand/", by_hand.by_hand, name="by-hand"),
    path("cases/<case_number:case_id>/by-hand/call/", by_hand.call, name="call"),
    path("cases/<case_number:case_id>/by-hand/repair/<uuid:write_id>/", by_hand.repair, name="repair"),
    path("cases/<case_number:case_id>/by-hand/look-again/<uuid:write_id>/", by_hand.look_again, name="look-again"),
    path("approvals/<uuid:approval_id>/ask/", asking.ask, name="ask"),
    path("writes/<uuid:write_id>/reverse/", asking.reverse, name="reverse"),
    path("requests/new/", intake.new_request, name="new-request"),
    path("ai/", ai.status, name="ai"),
    path("ai/pause/", ai.pause, name="pause"),
    path("ai/resume/", ai.resume, name="resume"),
    path("search/", search.search, name="search"),
    path("settings/", account.settings, name="account"),
    path("settings/language/", account.language, name="language"),
]
