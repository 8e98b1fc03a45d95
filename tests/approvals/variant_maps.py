"""Five small companies, one for each variant of the approval page: maps of their own, no system that answers."""

from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache

from approvals.models import Approval
from cases.actors import Actor
from cases.models import Person, Team
from cases.services import Sender, take_in
from orchestrator.flow.services import advance_case
from orchestrator.workmap import services as workmap
from orchestrator.workmap.reading import Mark, Text, read

BY = Actor("control", "test")
HEAD = """
work_command_map: 1
company: {name: Small, currency: HKD, time_zone: Asia/Hong_Kong, languages: [en, zh-hant], hold: 30s}
teams:
  - {name: managers, title: Managers}
systems: [{name: desk, title: {en: Desk, zh-hant: 系統}, connector: http, url: "http://127.0.0.1:1", private_network: true}]
agents: [{name: clerk, title: Clerk, purpose: Works, owner: managers, brain: {kind: procedure}}]
grants: [{agent: clerk, operation: desk.write, reason: test, until: 2099-01-01}]
"""
TYPE = """
request_types:
  - name: work
    title: Work
    team: managers
    lead: managers
    facts: [FACTS]
    tables: {budget: {month: 1000}}
    reasons: [{en: Outside policy, zh-hant: 不符合政策}]
    steps:
      - name: do
        agent: clerk
        does: Do it
        procedure:
          - {option: go, title: {en: Go on, zh-hant: 執行}, suggest_when: "true", writes: [{operation: desk.write, name: it, with: WITH}]}
          - {propose: [go]}
"""
OPERATION = """
operations:
  - name: desk.write
    title: {en: Do it, zh-hant: 進行}
    level: controlled
    kind: write
    case_key: none
    call: {method: POST, path: /things}
    risk: RISK
    EXTRA
    shows: SHOWS
    arguments: {type: object, required: [], additionalProperties: false, properties: PROPERTIES}
"""


def form(name: str, title: str, kind: str = "text") -> str:
    return f'{{name: {name}, title: "{title}", kind: {kind}, from: {{form: {name}}}}}'


def map_of(
    *, facts: list[str], shows: str, properties: str, given: str, risk: str = "medium", extra: str = "editable: []"
) -> str:
    operation = OPERATION.replace("SHOWS", shows).replace("PROPERTIES", properties).replace("RISK", risk)
    type_ = TYPE.replace("FACTS", ", ".join(facts)).replace("WITH", given)
    return HEAD + operation.replace("EXTRA", extra) + type_


VOUCHER = map_of(
    facts=[
        "{name: given, title: Given this month, kind: money, from: {history: {sum: desk.write, since: month}}}",
        '{name: budget_left, title: Budget left, kind: money, from: {formula: "tables.budget.month - given"}}',
    ],
    shows="{as: voucher, budget_left: {fact: budget_left}}",
    properties="{amount: {type: number, exclusiveMinimum: 0, maximum: 2000}}",
    given="{amount: 300}",
    extra="money: amount\n    editable: [amount]",
)
DISCOUNT = map_of(
    facts=[form("price", "Price", "money"), form("cost", "Cost", "money")],
    shows="""{as: discount, price_before: {fact: price}, price_after: {formula: "price * (100 - argument.percent) / 100"},
      margin_before: {formula: "(price - cost) / price * 100"},
      margin_after: {formula: "(price * (100 - argument.percent) / 100 - cost) / (price * (100 - argument.percent) / 100) * 100"}}""",
    properties="{percent: {type: number, minimum: 0, maximum: 50}}",
    given="{percent: 10}",
    extra="editable: [percent]",
)
CONTRACT = map_of(
    facts=[form("clause", "Clause"), form("standing", "Clause as it stands")],
    shows="{as: contract, clause: {fact: clause}, before: {fact: standing}, after: {argument: words}, draft: {argument: reply}}",
    properties="{words: {type: string, maxLength: 5000}, reply: {type: string, maxLength: 5000}}",
    given='{words: "Payment is due in 45 days.", reply: "Dear client, we can agree to this."}',
    risk="high",
    extra="editable: [words, reply]",
)
DEPLOY = map_of(
    facts=[
        form("ticket", "Ticket"), form("files", "Files", "list"), form("tests", "Tests"), form("author", "Author"),
        form("roll_back", "Roll back"),
    ],
    shows="""{as: deploy, ticket: {fact: ticket}, version: {argument: version}, files: {fact: files}, tests: {fact: tests},
      author: {fact: author}, roll_back: {fact: roll_back}}""",
    properties="{version: {type: string}}",
    given='{version: "1.4.2"}',
    risk="high",
)  # fmt: skip
REPORT = map_of(
    facts=[form("source", "Source"), form("period", "Period"), form("basis", "Basis")],
    shows="{as: report, source: {fact: source}, period: {fact: period}, basis: {fact: basis}}",
    properties="{to: {type: string}}",
    given="{to: directors}",
)
FORMS: dict[str, dict[str, Any]] = {
    "voucher": {},
    "discount": {"price": 1000, "cost": 720},
    "contract": {"clause": "7.2 Payment", "standing": "Payment is due in 30 days."},
    "deploy": {
        "ticket": "OPS-311", "files": ["app/views.py", "app/urls.py"], "tests": "412 passed", "author": "coding agent",
        "roll_back": "Release 1.4.1 again",
    },
    "report": {"source": "Sales ledger", "period": "16 to 22 November", "basis": "Orders paid, refunds taken off"},
}  # fmt: skip
MAPS = {"voucher": VOUCHER, "discount": DISCOUNT, "contract": CONTRACT, "deploy": DEPLOY, "report": REPORT}


def company(variant: str, **changes: Any) -> tuple[User, Approval]:
    """The company of that variant with one case that waits for its manager; `changes` to what the form says."""
    cache.clear()
    workmap.load(actor=BY, text=Text(read(MAPS[variant].encode()).value, Mark(1)))
    manager = User.objects.create_user("may", first_name="May", last_name="Lee")
    Person.objects.create(user=manager)
    manager.groups.add(Team.objects.get(name="managers").group)
    said = {name: value for name, value in {**FORMS[variant], **changes}.items() if value is not None}
    case, _new = take_in(
        actor=Actor("requester", "token shop", token_id=1, token_name="shop", trusted=True),
        source="staff",
        channel="api",
        sender=Sender("Chan", "chan@example.com"),
        text="Do it",
        type_name="work",
        form=said,
    )
    advance_case(case.pk)
    return manager, Approval.objects.select_related("proposal").get(case=case)
