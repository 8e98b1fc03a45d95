"""Pages of approvals: a table of contents."""

from django.urls import path

from approvals.views import aside, bulk, cover, deciding, inbox, oversight, standing

app_name = "approvals"
urlpatterns = [
    path("approvals/", inbox.inbox, name="inbox"),
    path("approvals/news/", inbox.news, name="news"),
    path("approvals/filters/", inbox.save_filter, name="save-filter"),
    path("approvals/filters/<int:filter_id>/remove/", inbox.remove_filter, name="remove-filter"),
    path("approvals/bulk/", bulk.bulk, name="bulk"),
    path("approvals/bulk/done/", bulk.bulk_done, name="bulk-done"),
    path("approvals/<uuid:approval_id>/", deciding.approval, name="approval"),
    path("approvals/<uuid:approval_id>/decide/", deciding.decide, name="decide"),
    path("approvals/<uuid:approval_id>/undo/", deciding.undo, name="undo"),
    path("approvals/<uuid:approval_id>/open/", deciding.open_masked, name="open-masked"),
    path("approvals/<uuid:approval_id>/look-again/", deciding.look_again, name="look-again"),
    path("approvals/<uuid:approval_id>/aside/", aside.aside, name="aside"),
    path("approvals/<uuid:approval_id>/pass-on/", aside.pass_on, name="pass-on"),
    path("approvals/<uuid:approval_id>/add-approver/", aside.add_approver, name="add-approver"),
    path("approvals/<uuid:approval_id>/snooze/", aside.snooze, name="snooze"),
    path("approvals/<uuid:approval_id>/wake/", aside.wake, name="wake"),
    path("approvals/<uuid:approval_id>/watch/", aside.watch, name="watch"),
    path("approvals/<uuid:approval_id>/answer/<int:question_id>/", aside.answer, name="answer"),
    path("your-decisions/", oversight.your_decisions, name="your-decisions"),
    path("cover/", cover.cover, name="cover"),
    path("cover/fill/", cover.fill_position, name="fill-position"),
    path("cover/<int:cover_id>/end/", cover.end_cover, name="end-cover"),
    path("standing-approvals/", standing.standing, name="standing"),
    path("standing-approvals/<int:standing_id>/confirm/", standing.confirm_standing, name="confirm-standing"),
    path("standing-approvals/<int:standing_id>/pause/", standing.pause_standing, name="pause-standing"),
    path("standing-approvals/<int:standing_id>/resume/", standing.resume_standing, name="resume-standing"),
    path("standing-approvals/<int:standing_id>/withdraw/", standing.withdraw_standing, name="withdraw-standing"),
]
