"""Pages of approvals: a table of contents."""

from django.urls import path

from approvals import views

app_name = "approvals"
urlpatterns = [
    path("approvals/", views.inbox, name="inbox"),
    path("approvals/news/", views.news, name="news"),
    path("approvals/<uuid:approval_id>/", views.approval, name="approval"),
    path("approvals/<uuid:approval_id>/decide/", views.decide, name="decide"),
    path("approvals/<uuid:approval_id>/undo/", views.undo, name="undo"),
    path("standing-approvals/", views.standing, name="standing"),
    path("standing-approvals/<int:standing_id>/confirm/", views.confirm_standing, name="confirm-standing"),
    path("standing-approvals/<int:standing_id>/withdraw/", views.withdraw_standing, name="withdraw-standing"),
]
