"""A small shop whose map has every key of the contract, and ways to change one thing in it."""

# one case a row, one record a line

import copy
from typing import Any

import yaml

from orchestrator.workmap.dumping import write
from orchestrator.workmap.reading import Text, read

SHOP = r"""
work_command_map: 1
company: {name: Harbour Goods, currency: HKD, time_zone: Asia/Hong_Kong, languages: [en, zh-hant], hold: 60s, step_up: high, step_up_lasts: 2m,
          customer: {look_up: crm.find, arguments: {contact: "{request.contact}"}, path: id},
          reply: {operation: messages.send, with: {to: "{request.contact}", text: "{draft}"}}}
calendars:
  - {name: office, hours: {mon-fri: "09:00-18:00", sat: "10:00-14:00"}, holidays: HK}
teams:
  - {name: support, title: Support}
  - {name: support-managers, title: Support managers, escalates_to: heads}
  - {name: heads, title: {en: Heads of department, zh-hant: 部門主管}, step_up: true}
systems:
  - {name: payments, title: Payments, connector: http, url: "https://pay.example.com", auth: {bearer: "env:PAYMENTS_TOKEN"},
     owner: support-managers, private_network: false, timeout: 10s, answer: {result: data, error: error.message, parse: json},
     page: "https://pay.example.com/customers/{request.customer}"}
  - {name: shop, title: Shop, connector: http, url: "https://shop.example.com"}
  - {name: crm, title: CRM, connector: http, url: "https://crm.example.com"}
  - {name: messages, title: Messages, connector: http, url: "https://send.example.com"}
operations:
  - name: payments.refund
    title: Refund a payment
    level: controlled
    kind: write
    arguments: {type: object, required: [payment_id, amount], additionalProperties: false,
                properties: {payment_id: {type: string}, amount: {type: number, exclusiveMinimum: 0}, reason: {type: string}}}
    call: {method: POST, path: "/payments/{payment_id}/refunds"}
    case_key: {payment_id: payment_ids}
    money: amount
    effect_key: {header: Idempotency-Key}
    version: {read: payments.get, path: updated_at}
    read_back: {read: payments.get_refund, arguments: {id: "{result.id}"}, expect: {amount: "{amount}"}}
    undo: {operation: payments.cancel_refund, arguments: {refund_id: "{result.id}"}, within: 30m, note: "Fee HK$3.40"}
    editable: [amount, reason]
    secret: []
    page: "https://pay.example.com/payments/{record.id}?order={order_number}"
    risk: medium
    high_above: 2000
    hold: 90s
  - name: payments.cancel_refund
    arguments: {type: object, required: [refund_id], additionalProperties: false, properties: {refund_id: {type: string}}}
    call: {method: POST, path: "/refunds/{refund_id}/cancel"}
    case_key: none
    effect_key: none
  - name: payments.get
    level: case
    kind: read
    arguments: {type: object, required: [payment_id], additionalProperties: false, properties: {payment_id: {type: string}}}
    call: {method: GET, path: "/payments/{payment_id}"}
    case_key: {payment_id: {look_up: payments.get, path: customer_id, is: request.customer}}
  - name: payments.get_refund
    level: case
    kind: read
    arguments: {type: object, required: [id], additionalProperties: false, properties: {id: {type: string}}}
    call: {method: GET, path: "/refunds/{id}"}
    case_key: none
  - name: shop.get_order
    level: case
    kind: read
    arguments: {type: object, required: [number], additionalProperties: false, properties: {number: {type: string}}}
    call: {method: GET, path: "/orders/{number}"}
    case_key: {number: order_number}
  - name: shop.search
    level: case
    kind: read
    arguments: {type: object, additionalProperties: false, properties: {text: {type: string}}}
    call: {method: GET, path: "/orders"}
    keep: {items: orders, where: {customer_id: request.customer}}
  - name: shop.catalogue
    level: reference
    kind: read
    arguments: {type: object, required: [id], additionalProperties: false, properties: {id: {type: string}}}
    call: {method: GET, path: "/items/{id}"}
  - name: crm.find
    level: case
    kind: read
    arguments: {type: object, required: [contact], additionalProperties: false, properties: {contact: {type: string}}}
    call: {method: GET, path: "/customers"}
    case_key: none
  - name: crm.get
    level: case
    kind: read
    arguments: {type: object, required: [id], additionalProperties: false, properties: {id: {type: string}}}
    call: {method: GET, path: "/customers/{id}"}
    case_key: {id: request.customer}
  - name: crm.note
    level: internal
    kind: write
    arguments: {type: object, required: [text], additionalProperties: false, properties: {text: {type: string}}}
    call: {method: POST, path: "/notes"}
    case_key: none
  - name: messages.send
    level: controlled
    kind: write
    arguments: {type: object, required: [to, text], additionalProperties: false, properties: {to: {type: string}, text: {type: string}}}
    call: {method: POST, path: "/messages"}
    case_key: {to: request.contact}
    effect_key: {argument: client_ref}
agents:
  - name: finance
    title: Finance agent
    purpose: Works out refunds and discounts under company rules
    owner: support-managers
    brain: {kind: procedure}
    limits: {calls_per_run: 10, seconds_per_run: 60, tokens_per_run: 20000, cost_per_day: 50}
  - {name: support, title: Support agent, purpose: Reads orders and drafts replies, owner: support, brain: {kind: procedure}}
grants:
  - {agent: finance, operation: payments.refund, reason: "Refund pilot", until: 2027-03-31, types: [refund], steps: [work_out],
     limits: {per_case: 1, per_day: 40, amount_per_day: 20000}}
  - {agent: finance, operation: shop.get_order, fields: [number, total, status, promised_on], reason: "Refund pilot", until: 2027-03-31}
  - {agent: support, operation: crm.note, reason: "Notes", until: 2027-03-31}
  - {agent: support, operation: messages.send, reason: "Replies", until: 2027-03-31}
request_types:
  - name: refund
    title: Refund request
    team: support
    lead: support-managers
    risk: medium
    examples: ["I want my money back for order 88213", "我想退款"]
    phrases: ["money back", "退款"]
    facts:
      - {name: customer, title: Customer, kind: record, required: true, from: {look_up: crm.get, arguments: {id: "{request.customer}"}}}
      - {name: order_number, title: Order number, kind: text, required: true, from: [{form: order_number},
         {message: '\b\d{5,8}\b', owner: {read: shop.get_order, arguments: {number: "{value}"}, path: customer_id}}]}
      - {name: order, title: Order, kind: record, from: {look_up: shop.get_order, arguments: {number: "{order_number}"}}}
      - {name: order_total, title: Order total, kind: money, from: {formula: "order.total"}}
      - {name: payment_ids, title: Payments of the order, kind: list, from: {formula: "map(order.payments as p, p.id)"}}
      - {name: refunds_90d, title: Refunds in 90 days, kind: number, from: {history: {count: payments.refund, same: [customer], days: 90}}}
      - {name: days_late, title: Days late, kind: number, from: {formula: "days(today - order.promised_on)"}}
      - {name: item_ids, title: Items, kind: list, from: {formula: "map(order.items as i, i.id)"}}
      - {name: links, title: Links in the text, kind: list, from: {match: 'https?://[^ ]+', in: "{argument.text}", all: true}}
      - {name: offers, title: Offers, kind: list, from: {look_up: shop.catalogue, for_each: item_ids, arguments: {id: "{each}"}}}
    tables: {days_free: {gold: 30, silver: 14}}
    customer: customer
    routes: [{when: {all: [{fact: days_late, is: more than, value: 0}]}, to: late_delivery}]
    due: {first_reply: 30m, finish: 8h, calendar: office}
    steps:
      - {name: read, agent: support, does: Read the order and its delivery, procedure: [{work_out: free, formula: "tables.days_free.gold"}]}
      - name: work_out
        agent: finance
        after: [read]
        does: Work out the refund
        operations: [payments.refund, shop.get_order]
        procedure:
          - {missing: [order_number], ask: ask_number}
          - {read: shop.get_order, with: {number: "{order_number}"}, as: found}
          - {work_out: half, formula: "found.total / 2"}
          - {option: full, title: Full refund, suggest_when: "half > 10", writes: [
              {operation: payments.refund, with: {payment_id: "{payment_ids[0]}", amount: "{found.total}"}}]}
          - {option: half, title: {en: Half, zh-hant: 一半}, when: "half > 1", writes: [
              {name: first, operation: payments.refund, with: {payment_id: "{payment_ids[0]}", amount: "{half}"}}]}
          - {option: reject, title: Reject, writes: []}
          - {propose: [full, half, reject]}
      - {name: check, team: support, after: [work_out], does: Look at it}
      - name: reply
        agent: support
        after: [work_out]
        when: {all: []}
        does: Draft and send the reply
        on_failure: hand_over
        procedure:
          - {draft: refund_full}
          - {write: crm.note, with: {text: "{draft}"}, as: note}
          - {option: send, title: Send, writes: [{operation: messages.send, with: {to: "{request.contact}", text: "{draft}"}}]}
          - {propose: [send]}
    fallback: {steps: [{title: Check the order, system: shop, look_for: "Total, promised date"}], template: refund_full,
               approver: support-managers, record_in: [payments, crm]}
    templates:
      - {name: refund_full, en: "Dear {customer.name}, you get {order_total}.", zh-hant: "{customer.name}，退款 {order_total}。"}
      - {name: ask_number, en: "Which order?", zh-hant: "哪張訂單？"}
    reasons: [Outside policy, Not enough proof]
  - {name: late_delivery, title: Late delivery, team: support, lead: support-managers, confidential: true, suggestion_after_choice: true}
rules:
  - name: refund-over-300
    when: {types: [refund], operations: [payments.refund], all: [{argument: amount, is: more than, value: 300}]}
    then: {ask: support-managers, people: 1, within: 2h, calendar: office, if_nobody: {pass_to: heads, within: 4h}}
  - name: repeat-refund
    when: {operations: [payments.refund], all: [{fact: refunds_90d, is: at least, value: 1}]}
    then: {ask: heads, people: 1, within: 1d, calendar: office}
  - name: two-stages
    when: {operations: [payments.refund], any: [{argument: amount, is: more than, value: 5000}, {not: {fact: order_total, is: known}}]}
    then: {stages: [{ask: support-managers, people: 1}, {ask: heads, people: 2}], order: one_after_the_other, exclusive: true}
  - name: small-refunds-pre-approved
    when: {operations: [payments.refund], all: [{argument: amount, is: at most, value: 300}]}
    then: {standing_approval: {by: may.lee, up_to: 300, per_day: 20, total_per_day: 3000, total: 50000, until: 2027-01-31}}
  - name: no-refund-after-year
    when: {operations: [payments.refund], all: [{formula: "days(today - order.ordered_on)", is: more than, value: 365}]}
    then: {forbid: "Refunds end after a year", if_unknown: {ask: heads}}
"""


def shop() -> Any:
    """The map as plain data, to change."""
    return copy.deepcopy(_SHOP)


def of(whole: Any) -> Text:
    """A changed map as if it was read from a file."""
    return read(write(whole).encode())


def named(records: list[Any], name: str) -> Any:
    return next(record for record in records if record["name"] == name)


def shop_text() -> Text:
    return read(SHOP.encode())


_SHOP = read(SHOP.encode()).value
assert yaml.safe_load(SHOP)["work_command_map"] == 1
