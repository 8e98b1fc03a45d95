"""The cast of all tests: one small company, its people, a late order and the refund it leads to.

Plain rows, no services: a test that is about a service calls that service itself. Call `build()` once a test.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone
from guardian.shortcuts import assign_perm

from agents.models import (
    Agent,
    FallbackCard,
    FallbackStep,
    Grant,
    Operation,
    Policy,
    Proposal,
    StepWork,
    Switch,
    System,
    Write,
)
from approvals.models import Approval, Asked, Cover, Rule, StandingApproval
from cases.models import Case, CaseSight, Company, Fact, Message, Person, RequestType, Step, Team, Template
from cases.permissions import give_team_rights

PASSWORD = "a-long-test-password"
FINGERPRINT = "f" * 64


@dataclass
class World:
    """Everybody and everything a test may name."""

    now: datetime
    company: Company
    support: Team
    managers: Team
    heads: Team
    frontline: User
    colleague: User
    manager: User
    deputy: User
    head: User
    admin: User
    auditor: User
    outsider: User
    refund: RequestType
    delivery: RequestType
    payments: System
    crm: System
    get_order: Operation
    refund_payment: Operation
    add_note: Operation
    send_message: Operation
    finance: Agent
    idle: Agent
    grant: Grant
    rule: Rule
    standing: StandingApproval
    case: Case
    proposal: Proposal
    writes: list[Write]
    approval: Approval
    cover: Cover = None  # type: ignore[assignment]  # planned: in a week the colleague covers for the manager


def build(now: datetime | None = None) -> World:
    """The company with one case (C-1042 in spirit) whose refund of HK$480.00 waits for a manager."""
    now = now or timezone.now()
    company = Company.objects.create(
        pk=1, name="Harbour Goods", currency="HKD", time_zone="Asia/Hong_Kong", languages=["en", "zh-hant"]
    )
    Policy.objects.get_or_create(pk=1)
    Switch.objects.get_or_create(scope="all", name="")
    heads = _team("heads", {"en": "Heads of department", "zh-hant": "部門主管"})
    managers = _team("support-managers", {"en": "Support managers", "zh-hant": "客服經理"}, above=heads)
    support = _team("support", {"en": "Support", "zh-hant": "客戶服務"}, above=managers)
    frontline = _user("ka.yan", "Ka Yan", "Ho", support)
    colleague = _user("wing", "Wing", "Tam", support)
    manager = _user("may.lee", "May", "Lee", managers)
    deputy = _user("ken.ho", "Ken", "Ho", managers)
    head = _user("grace.ng", "Grace", "Ng", heads)
    managers.leads.add(manager)
    heads.leads.add(head)
    admin = _user("admin", "Alex", "Yip", is_staff=True, is_superuser=True)
    auditor = _user("audit", "Olivia", "Fung")
    outsider = _user("outsider", "Sam", "Lau", _team("warehouse", "Warehouse"))
    refund = _type("refund", {"en": "Refund request", "zh-hant": "退款"}, support, managers)
    delivery = _type("late_delivery", {"en": "Late delivery", "zh-hant": "延遲送貨"}, support, managers)
    for type_ in (refund, delivery):
        assign_perm("cases.see", auditor, type_)
    payments, crm, operations = _systems(managers)
    finance, idle, grant = _agents(managers, refund, operations)
    _card(refund, payments, crm, managers)
    rule, standing = _rules()
    case = add_case_row(refund, now)
    world = World(
        now=now, company=company, support=support, managers=managers, heads=heads, frontline=frontline,
        colleague=colleague, manager=manager, deputy=deputy, head=head, admin=admin, auditor=auditor,
        outsider=outsider, refund=refund, delivery=delivery, payments=payments, crm=crm,
        get_order=operations["orders.get"], refund_payment=operations["payments.refund"],
        add_note=operations["crm.add_note"], send_message=operations["messages.send"], finance=finance,
        idle=idle, grant=grant, rule=rule, standing=standing, case=case,
        proposal=None, writes=[], approval=None,  # type: ignore[arg-type]
    )  # fmt: skip
    world.proposal, world.writes, world.approval = add_approval(world, case)
    world.cover = Cover.objects.create(
        of=manager, by=colleague, starts_at=now + timedelta(days=7), ends_at=now + timedelta(days=9), created_at=now
    )
    return world


def _team(name: str, title: Any, above: Team | None = None) -> Team:
    return Team.objects.create(name=name, title=title, group=Group.objects.create(name=name), escalates_to=above)


def _user(username: str, first: str, last: str, *teams: Team, **flags: bool) -> User:
    user = User.objects.create_user(
        username, f"{username}@example.com", PASSWORD, first_name=first, last_name=last, **flags
    )
    user.groups.set([team.group for team in teams])
    Person.objects.create(user=user, phone="2345 0204")
    return user


def _type(name: str, title: Any, team: Team, lead: Team) -> RequestType:
    type_ = RequestType.objects.create(
        name=name,
        title=title,
        team=team,
        lead=lead,
        customer_fact="customer",
        due={"first_reply": "30m", "finish": "8h"},
        reasons=[
            {"en": "Outside policy", "zh-hant": "不符合政策"},
            {"en": "Not enough proof", "zh-hant": "證明不足"},
            {"en": "Already compensated", "zh-hant": "已作補償"},
            {"en": "Wrong amount", "zh-hant": "金額有誤"},
        ],
    )
    give_team_rights(type_)
    for position, (fact, words, kind) in enumerate(
        [
            ("customer", {"en": "Customer", "zh-hant": "客戶"}, "record"),
            ("customer_id", {"en": "Customer number", "zh-hant": "客戶編號"}, "text"),
            ("payment_ids", {"en": "Payments of the order", "zh-hant": "訂單付款"}, "list"),
            ("order_number", {"en": "Order number", "zh-hant": "訂單編號"}, "text"),
            ("order_total", {"en": "Order total", "zh-hant": "訂單總額"}, "money"),
            ("refunds_90d", {"en": "Refunds in 90 days", "zh-hant": "90 日內退款次數"}, "number"),
        ]
    ):
        Fact.objects.create(type=type_, name=fact, title=words, kind=kind, position=position)
    Template.objects.create(
        type=type_,
        name="refund_full",
        texts={
            "en": "Dear {customer.name}, order {order_number} is late. We refund HK$480.00.",
            "zh-hant": "{customer.name} 你好，訂單 {order_number} 延誤，我們會退款 HK$480.00。",
        },
    )
    return type_


def _systems(owner: Team) -> tuple[System, System, dict[str, Operation]]:
    """Payments, CRM, orders and messages, with one operation of each kind that pages must show."""
    systems = {
        name: System.objects.create(name=name, title=title, connector="http", url="https://example.com", owner=owner)
        for name, title in [
            ("payments", {"en": "Payments", "zh-hant": "付款系統"}),
            ("crm", {"en": "Customer records", "zh-hant": "客戶紀錄"}),
            ("orders", {"en": "Orders", "zh-hant": "訂單系統"}),
            ("messages", {"en": "Messages", "zh-hant": "訊息"}),
        ]
    }
    for name in systems:
        Switch.objects.get_or_create(scope="system", name=name)
    text = {"type": "string"}
    operations = [
        Operation(
            name="orders.get", title={"en": "Read an order", "zh-hant": "讀取訂單"}, system=systems["orders"],
            level="case", kind="read", case_key={"number": "order_number"},
            arguments={"type": "object", "required": ["number"], "properties": {"number": text},
                       "additionalProperties": False},
        ),
        Operation(
            name="payments.refund", title={"en": "Refund a payment", "zh-hant": "退款"}, system=systems["payments"],
            level="controlled", case_key={"payment_id": "payment_ids"}, money="amount",
            editable=["amount", "reason"], risk="medium", high_above=Decimal(2000),
            arguments={
                "type": "object", "required": ["payment_id", "amount"], "additionalProperties": False,
                "properties": {"payment_id": text, "amount": {"type": "number", "exclusiveMinimum": 0},
                               "reason": text},
            },
        ),
        Operation(
            name="crm.add_note", title={"en": "Add a note", "zh-hant": "新增備註"}, system=systems["crm"],
            level="internal", case_key={"customer_id": "customer_id"}, undo={"operation": "crm.remove_note"},
            arguments={"type": "object", "required": ["customer_id", "text"], "additionalProperties": False,
                       "properties": {"customer_id": text, "text": text}},
        ),
        Operation(
            name="messages.send", title={"en": "Send a message", "zh-hant": "傳送訊息"}, system=systems["messages"],
            level="controlled", case_key="none", editable=["text"], risk="low",
            arguments={"type": "object", "required": ["to", "text"], "additionalProperties": False,
                       "properties": {"to": text, "text": text}},
        ),
    ]  # fmt: skip
    return systems["payments"], systems["crm"], {o.name: o for o in Operation.objects.bulk_create(operations)}


def _agents(owner: Team, type_: RequestType, operations: dict[str, Operation]) -> tuple[Agent, Agent, Grant]:
    """Finance has a grant for refunds and orders; idle has none."""
    finance = Agent.objects.create(
        name="finance",
        title={"en": "Finance agent", "zh-hant": "財務代理"},
        purpose="Works out refunds",
        owner=owner,
        brain={"kind": "procedure"},
    )
    idle = Agent.objects.create(name="idle", title="Idle agent", owner=owner, brain={"kind": "outside"})
    for agent in (finance, idle):
        Switch.objects.get_or_create(scope="agent", name=agent.name)
    until = date.today() + timedelta(days=365)
    grant = Grant.objects.create(
        agent=finance, operation=operations["payments.refund"], reason="Refund pilot", until=until
    )
    for name in ("orders.get", "crm.add_note", "messages.send"):
        Grant.objects.create(agent=finance, operation=operations[name], reason="Refund pilot", until=until)
    step = Step.objects.create(
        type=type_, name="work_out", does={"en": "Work out the refund", "zh-hant": "計算退款"}, position=0
    )
    Step.objects.create(
        type=type_,
        name="reply",
        does={"en": "Send the reply", "zh-hant": "回覆客戶"},
        position=1,
        after=["work_out"],
    )
    StepWork.objects.create(step=step, agent=finance, operations=sorted(operations))
    return finance, idle, grant


def _card(type_: RequestType, payments: System, crm: System, approver: Team) -> None:
    template = type_.templates.get(name="refund_full")
    card = FallbackCard.objects.create(type=type_, template=template, approver=approver)
    card.record_in.set([payments, crm])
    FallbackStep.objects.create(
        card=card,
        position=0,
        title={"en": "Check the order", "zh-hant": "查核訂單"},
        system=System.objects.get(name="orders"),
        look_for={"en": "Total, promised date", "zh-hant": "總額、承諾日期"},
    )
    FallbackStep.objects.create(
        card=card,
        position=1,
        title={"en": "Decide the refund", "zh-hant": "決定退款"},
        system=payments,
        look_for={"en": "Payment and past refunds", "zh-hant": "付款及過往退款"},
    )


def _rules() -> tuple[Rule, StandingApproval]:
    rule = Rule.objects.create(
        name="refund-over-300",
        title={"en": "Refunds over HK$300", "zh-hant": "退款超過 HK$300"},
        version=4,
        when={
            "operations": ["payments.refund"],
            "all": [{"argument": "amount", "is": "more than", "value": 300}],
        },
        then={"ask": "support-managers", "people": 1, "within": "2h", "if_nobody": {"pass_to": "heads"}},
        sentence=SENTENCE,
    )
    small = Rule.objects.create(
        name="small-refunds",
        title={"en": "Small refunds", "zh-hant": "小額退款"},
        when={
            "operations": ["payments.refund"],
            "all": [{"argument": "amount", "is": "at most", "value": 300}],
        },
        then={"standing_approval": {"by": "may.lee", "up_to": 300, "per_day": 20, "until": "2030-01-31"}},
        sentence={
            "en": "May Lee pre-approves refunds of at most HK$300.00, 20 a day, until 31 Jan 2030.",
            "zh-hant": "李美預先批核不超過 HK$300.00 的退款，每日 20 宗，至 2030 年 1 月 31 日。",
        },
    )
    return rule, StandingApproval.objects.create(rule=small, by="may.lee")


SENTENCE = {
    "en": "When a refund is over HK$300.00, ask Support managers within 2 working hours; "
    "if nobody answers, pass to Heads of department.",
    "zh-hant": "退款超過 HK$300.00 時，須由客服經理於 2 個工作小時內批核；如無人回應，上報部門主管。",
}


def add_case_row(type_: RequestType | None, now: datetime, **changes: Any) -> Case:
    """One open case with its first message; `changes` are fields of the case."""
    fields: dict[str, Any] = {
        "status": "waiting_approval",
        "stage": "steps",
        "confidence": 0.93,
        "source": "customer",
        "channel": "whatsapp",
        "language": "zh-hant",
        "subject": "Order 88213 has not arrived, full refund wanted",
        "requester_name": "Chan Tai Man",
        "contact": "+85291234567",
        "customer": "CU-77",
        "customer_from": "contact",
        "facts": {
            "customer": _fact({"id": "CU-77", "name": "Chan Tai Man"}, now),
            "customer_id": _fact("CU-77", now),
            "payment_ids": _fact(["P-4242"], now),
            "order_number": _fact("88213", now),
            "order_total": _fact(480, now),
            "refunds_90d": {"value": None, "known": False, "bound": False, "source": "Payments", "at": now.isoformat(),
                            "why": "Payments did not answer"},
        },
        "steps": {
            "work_out": {"state": "open", "at": now.isoformat(), "by": "finance"},
            "reply": {"state": "waiting"},
        },
        "lacked": ["refunds_90d"],
        "created_at": now - timedelta(minutes=20),
        "updated_at": now - timedelta(minutes=2),
        "first_reply_due": now + timedelta(minutes=10),
        "finish_due": now + timedelta(hours=7),
    } | changes  # fmt: skip
    case = Case.objects.create(type=type_, **fields)
    Message.objects.create(
        case=case,
        direction="in",
        author=case.requester_name,
        text="我的訂單遲了九日還未收到，我想全數退款。",
        language="zh-hant",
        at=case.created_at,
    )
    return case


def _fact(value: Any, now: datetime) -> dict[str, Any]:
    return {"value": value, "known": True, "bound": True, "source": "Orders", "at": now.isoformat()}


def add_approval(
    world: World,
    case: Case,
    *,
    suggested: str = "full",
    risk: str = "medium",
    due_in: timedelta = timedelta(minutes=48),
) -> tuple[Proposal, list[Write], Approval]:
    """A refund proposal with the options reject, partial and full, judged, waiting for the support managers."""
    plan = {
        "reject": [("message", world.send_message, _send("We cannot refund this order.", case))],
        "partial": [
            ("refund", world.refund_payment, _refund(240)),
            ("note", world.add_note, _note("half refund")),
        ],
        "full": [
            ("refund", world.refund_payment, _refund(480)),
            ("message", world.send_message, _send("We refund HK$480.00.", case)),
            ("note", world.add_note, _note("full refund")),
        ],
    }
    proposal = Proposal.objects.create(
        case=case, turn=case.turn, step="work_out", proposer_kind="agent", proposer="finance",
        proposer_agent=world.finance, suggested=suggested, risk=risk, fingerprint=FINGERPRINT, options=[],
        why="The order is nine days late and was paid in full.",
        rules=_judged(), evidence=_evidence(world.now), created_at=world.now - timedelta(minutes=5),
    )  # fmt: skip
    writes: list[Write] = []
    options = []
    for name, planned in plan.items():
        rows = [
            Write(
                id=uuid.uuid4(), case=case, proposal=proposal, option=name, position=position, name=write,
                operation=operation, controlled=operation.is_controlled, turn=case.turn, agent=world.finance,
                subject=uuid.uuid4().hex, proposed=arguments,
                money=Decimal(arguments["amount"]) if "amount" in arguments else None, currency="HKD",
            )
            for position, (write, operation, arguments) in enumerate(planned)
        ]  # fmt: skip
        writes += rows
        options.append(
            {
                "name": name,
                "title": TITLES[name],
                "suggested": name == suggested,
                "allowed": True,
                "why": "",
                "writes": [{"id": str(w.id), "name": w.name, "operation": w.operation.name} for w in rows],
                "draft": next((w.proposed["text"] for w in rows if "to" in w.proposed), ""),
            }
        )
    Write.objects.bulk_create(writes)
    proposal.options = options
    proposal.save(update_fields=["options"])
    approval = Approval.objects.create(
        case=case, proposal=proposal, turn=case.turn, fingerprint=FINGERPRINT, risk=risk,
        title={"en": "Refund HK$480.00 to Chan Tai Man", "zh-hant": "向陳大文退款 HK$480.00"},
        asks=[{"team": "support-managers", "people": 1, "stage": 0, "rules": ["refund-over-300"]}],
        due_at=world.now + due_in, created_at=world.now - timedelta(minutes=5),
    )  # fmt: skip
    Asked.objects.create(approval=approval, team=world.managers, people=1, since=approval.created_at, above=True)
    CaseSight.objects.create(case=case, team=world.managers, reason="asked", at=world.now)
    return proposal, writes, approval


TITLES = {
    "reject": {"en": "Reject", "zh-hant": "拒絕"},
    "partial": {"en": "Partial refund, HK$240.00", "zh-hant": "部分退款 HK$240.00"},
    "full": {"en": "Full refund, HK$480.00", "zh-hant": "全數退款 HK$480.00"},
}


def _refund(amount: int) -> dict[str, Any]:
    return {"payment_id": "P-4242", "amount": amount, "reason": "Late delivery"}


def _note(text: str) -> dict[str, Any]:
    return {"customer_id": "CU-77", "text": text}


def _send(text: str, case: Case) -> dict[str, Any]:
    return {"to": case.contact, "text": text}


def _judged() -> list[dict[str, Any]]:
    """The winning rule with the values it compared, and one that did not match."""
    return [
        {
            "name": "refund-over-300", "version": 4, "sentence": SENTENCE, "result": "matched", "effect": "ask",
            "won": True, "option": "full",
            "compared": [{"source": "argument", "left": "amount", "comparison": "more than", "right": "300",
                          "left_value": "480", "left_known": True, "right_value": "300", "result": True}],
        },
        {
            "name": "repeat-refund", "version": 1, "result": "not matched", "effect": "ask", "won": False,
            "option": "full",
            "sentence": {"en": "When refunds in 90 days is at least 1, ask Heads of department.",
                         "zh-hant": "90 日內退款次數達 1 次時，須由部門主管批核。"},
            "compared": [{"source": "fact", "left": "refunds_90d", "comparison": "at least", "right": "1",
                          "left_value": "0", "left_known": True, "right_value": "1", "result": False}],
        },
    ]  # fmt: skip


def _evidence(now: datetime) -> list[dict[str, Any]]:
    at = (now - timedelta(minutes=6)).isoformat()
    return [
        {"where": {"en": "Orders", "zh-hant": "訂單系統"}, "operation": "orders.get", "known": True, "at": at,
         "found": "Ordered 2 November, promised 6 November", "fields": ["number", "total", "promised_on"]},
        {"where": {"en": "Courier", "zh-hant": "速遞"}, "operation": "courier.get", "known": True, "at": at,
         "found": {"status": "in transit", "days_late": 9}, "fields": ["status"]},
        {"where": {"en": "Complaint record", "zh-hant": "投訴紀錄"}, "operation": "crm.complaints", "known": False,
         "at": at, "found": "", "fields": []},
    ]  # fmt: skip
