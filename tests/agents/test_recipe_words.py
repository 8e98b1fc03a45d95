"""A recipe reads as sentences, in the language of the page."""

from django.utils import translation

from agents.recipe_words import sentences

RECIPE = [
    {"missing": ["order_number", "amount"], "ask": "ask_number"},
    {"read": "shop.get_order", "with": {"number": "{order_number}"}, "as": "found"},
    {"work_out": "half", "formula": "found.total / 2"},
    {"option": "full", "title": {"en": "Full refund", "zh-hant": "全額退款"}, "when": "half > 1",
     "suggest_when": "half > 2",
     "writes": [{"operation": "payments.refund", "with": {"amount": "{half}"}}, {"operation": "crm.note"}]},
    {"option": "reject", "writes": []},
    {"write": "crm.note", "with": {"text": "{draft}"}},
    {"draft": "refund_full"},
    {"propose": ["full", "half", "reject"]},
]  # fmt: skip


def test_every_instruction_is_one_sentence() -> None:
    assert sentences(RECIPE, {"shop.get_order": {"en": "Read an order"}, "order_number": "Order number"}) == [
        "If Order number or amount is not known, ask the requester with the template “ask_number”.",
        "Read “Read an order” with number = {order_number}, and call it found.",
        "Work out half: found.total / 2.",
        "Option “Full refund”, offered only if half > 1, suggested if half > 2, "
        "it would write “payments.refund” with amount = {half}; then “crm.note”.",
        "Option “reject”, it writes nothing.",
        "Write “crm.note” with text = {draft} at once.",
        "Draft a text from the template “refund_full”.",
        "Propose full, half or reject, and wait until that has ended.",
    ]


def test_titles_follow_the_language() -> None:
    with translation.override("zh-hant"):
        assert "全額退款" in sentences(RECIPE)[3]


def test_what_cannot_be_read_is_said_and_not_left_out() -> None:
    assert sentences([{"sing": "a song"}, 7]) == [
        "This instruction cannot be read: {'sing': 'a song'}",
        "This instruction cannot be read: 7",
    ]
