"""Reference material of the demo company: policies, frequent questions, products, in both languages."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.company import names
from orchestrator.demo.company.calls import Record

POLICIES: list[dict[str, object]] = [
    {
        "name": "refunds",
        "title": {"en": "Refunds", "zh": "退款"},
        "text": {
            "en": "More than 7 days late and not delivered: full refund. 1 to 7 days late: half. "
            "Not late: no refund. No refund for orders over one year old. "
            "A second refund within 90 days goes to the head of support.",
            "zh": "遲到超過七天而未送達：全數退款。遲到一至七天：退一半。"
            "沒有遲到：不設退款。訂單超過一年不設退款。九十天內第二次退款須由客戶服務主管決定。",
        },
    },
    {
        "name": "late_delivery",
        "title": {"en": "Late delivery", "zh": "延誤送貨"},
        "text": {
            "en": "A voucher of HK$30 (gold HK$100, silver HK$50) when late; twice that after 7 days.",
            "zh": "延誤訂單可獲 HK$30 優惠券（金卡 HK$100，銀卡 HK$50）；超過七天雙倍。",
        },
    },
    {
        "name": "returns",
        "title": {"en": "Returns", "zh": "退貨"},
        "text": {
            "en": "Unused goods within 14 days, gold members within 30 days, with the receipt.",
            "zh": "未使用貨品可於十四天內退貨，金卡會員三十天，須附收據。",
        },
    },
    {
        "name": "addresses",
        "title": {"en": "Addresses", "zh": "地址"},
        "text": {
            "en": "Only logistics staff change a delivery address, after calling the phone number on record.",
            "zh": "送貨地址只可由物流部更改，並須先致電客戶登記電話核實。",
        },
    },
    {
        "name": "payments",
        "title": {"en": "Payments", "zh": "付款"},
        "text": {
            "en": "A failed payment is checked by finance with the bank before the customer pays again.",
            "zh": "付款失敗須先由財務部向銀行查核，才可要求客戶再次付款。",
        },
    },
    {
        "name": "complaints",
        "title": {"en": "Complaints", "zh": "投訴"},
        "text": {
            "en": "A supervisor answers every complaint in person on the same working day.",
            "zh": "每宗投訴由主管於同一工作天親自回覆。",
        },
    },
    {
        "name": "vouchers",
        "title": {"en": "Vouchers", "zh": "優惠券"},
        "text": {
            "en": "Vouchers are valid for 180 days and are not exchanged for money.",
            "zh": "優惠券有效期一百八十天，不可兌換現金。",
        },
    },
]

FAQ: list[dict[str, object]] = [
    {
        "id": "Q-1",
        "question": {"en": "Where is my order?", "zh": "我的訂單在哪裏？"},
        "answer": {
            "en": "Send us the order number and we look it up.",
            "zh": "請提供訂單編號，我們會為你查詢。",
        },
    },
    {
        "id": "Q-2",
        "question": {"en": "How long does delivery take?", "zh": "送貨需時多久？"},
        "answer": {"en": "3 to 7 days in Hong Kong.", "zh": "香港境內三至七天。"},
    },
    {
        "id": "Q-3",
        "question": {"en": "Can I change my address?", "zh": "可以更改送貨地址嗎？"},
        "answer": {
            "en": "Yes, until the courier has delivered. Our logistics team calls you first.",
            "zh": "送達前可以，物流部會先致電核實。",
        },
    },
    {
        "id": "Q-4",
        "question": {"en": "When do I get my refund?", "zh": "何時收到退款？"},
        "answer": {"en": "3 to 5 working days after it was made.", "zh": "退款後三至五個工作天。"},
    },
    {
        "id": "Q-5",
        "question": {"en": "How do I use a voucher?", "zh": "如何使用優惠券？"},
        "answer": {"en": "Enter its code when you pay.", "zh": "付款時輸入優惠碼。"},
    },
    {
        "id": "Q-6",
        "question": {"en": "What are your opening hours?", "zh": "營業時間是？"},
        "answer": {
            "en": "Monday to Friday 9 to 18, Saturday 10 to 14.",
            "zh": "星期一至五九時至六時，星期六十時至二時。",
        },
    },
    {
        "id": "Q-7",
        "question": {"en": "Which payment methods do you take?", "zh": "接受哪些付款方式？"},
        "answer": {
            "en": "Visa, Mastercard, FPS and AlipayHK.",
            "zh": "Visa、Mastercard、轉數快及 AlipayHK。",
        },
    },
    {
        "id": "Q-8",
        "question": {"en": "How do I become a gold member?", "zh": "如何成為金卡會員？"},
        "answer": {"en": "Spend HK$8,000 within a year.", "zh": "一年內消費滿 HK$8,000。"},
    },
]


def catalogue() -> Iterator[Record]:
    """Every product in every kind, priced by its place in the list."""
    for nth, (title, title_zh) in enumerate(names.GOODS):
        for step, (kind, kind_zh) in enumerate(names.KINDS):
            yield {
                "id": f"G-{100 + nth * len(names.KINDS) + step}",
                "title": {"en": f"{title}, {kind}", "zh": f"{title_zh}（{kind_zh}）"},
                "price": float(38 + 23 * nth + 15 * step),
                "currency": "HKD",
                "in_stock": (nth * 7 + step * 13) % 40,
            }
