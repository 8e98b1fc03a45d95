"""The addresses of the REST API, as in the contract: a table of contents."""

from django.urls import path, re_path, register_converter

from orchestrator.api import places
from orchestrator.api.views import approvals, audit, cases, documents, operations, requests, runs
from orchestrator.api.views import map as company_map

register_converter(places.CaseNumber, "case")
register_converter(places.RowId, "row")
register_converter(places.StepName, "step")
register_converter(places.Uuid, "any_uuid")

app_name = "api"
urlpatterns = [
    path("requests/", requests.take_request_in, name="requests"),
    path("cases/", cases.list_cases, name="cases"),
    path("cases/<case:number>/", cases.show_case, name="case"),
    path("cases/<case:number>/timeline/", cases.show_timeline, name="timeline"),
    path("cases/<case:number>/sort/", cases.sort_case, name="sort"),
    path("cases/<case:number>/messages/", requests.add_message, name="messages"),
    path("cases/<case:number>/take-over/", cases.take_case_over, name="take-over"),
    path("cases/<case:number>/hand-back/", cases.hand_case_back, name="hand-back"),
    path("cases/<case:number>/close/", cases.close_case, name="close"),
    path("cases/<case:number>/reopen/", cases.reopen_case, name="reopen"),
    path("runs/", runs.list_runs, name="runs"),
    path("cases/<case:number>/steps/<step:name>/finish/", runs.finish_step, name="finish"),
    path("cases/<case:number>/hand-over/", runs.hand_case_over, name="hand-over"),
    path("cases/<case:number>/calls/", operations.call_operation, name="calls"),
    path("proposals/<any_uuid:id>/", approvals.show_proposal, name="proposal"),
    path("approvals/", approvals.list_approvals, name="approvals"),
    path("approvals/<any_uuid:id>/", approvals.show_approval, name="approval"),
    path("approvals/<any_uuid:id>/decision/", approvals.decide, name="decision"),
    path("approvals/<any_uuid:id>/undo/", approvals.undo_decision, name="undo"),
    path("standing-approvals/", approvals.list_standing_approvals, name="standing-approvals"),
    path(
        "standing-approvals/<row:standing_id>/confirm/",
        approvals.confirm_standing_approval,
        name="confirm-standing",
    ),
    path("map/", company_map.show_map, name="map"),
    path("map/check/", company_map.check_map, name="map-check"),
    path("reports/summary/", audit.summary, name="summary"),
    path("audit/cases/<case:number>/", audit.audit_case, name="audit-case"),
    path("audit/verify/", audit.verify_ledger, name="verify"),
    path("schema/", documents.schema, name="schema"),
    path("docs/", documents.docs, name="docs"),
    re_path(r"^", documents.nowhere),
]
