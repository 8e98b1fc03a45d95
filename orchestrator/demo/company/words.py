"""What the demo company says about its records in English and Chinese, worked out when a record is shown."""

from __future__ import annotations

from orchestrator.demo.company.calls import Record

STATUS: dict[str, tuple[str, str]] = {
    "placed": ("received, being packed", "已收到，正在包裝"),
    "packed": ("packed, waiting for the courier", "已包裝，等候速遞"),
    "in_transit": ("on its way", "運送中"),
    "address_problem": ("held by the courier because of the address", "因地址問題由速遞公司保留"),
    "payment_failed": ("waiting for payment", "等候付款"),
    "delivered": ("delivered", "已送達"),
    "cancelled": ("cancelled", "已取消"),
}


def shown_order(order: Record) -> Record:
    """The order as the API shows it: with its status in words and one sentence about where it stands."""
    en, zh = STATUS[order["status"]]
    return {**order, "status_text": {"en": en, "zh": zh}, "summary": summary(order)}


def summary(order: Record) -> dict[str, str]:
    """One true sentence a language; it names dates of the record only, never what is likely."""
    promised, delivered = order["promised_on"], order["delivered_on"]
    if order["status"] == "delivered":
        return {"en": f"It was delivered on {delivered}.", "zh": f"貨件已於 {delivered} 送達。"}
    if order["status"] == "cancelled":
        return {"en": "It was cancelled.", "zh": "訂單已取消。"}
    if order["status"] == "payment_failed":
        return {
            "en": "It waits because the payment did not go through.",
            "zh": "因付款未成功，訂單暫停處理。",
        }
    if order["status"] == "address_problem":
        return {"en": "The courier could not find the address.", "zh": "速遞公司找不到地址。"}
    if order["status"] == "in_transit":
        return {
            "en": f"It is on its way and is promised for {promised}.",
            "zh": f"貨件運送中，預計 {promised} 送達。",
        }
    return {
        "en": f"It is being prepared and is promised for {promised}.",
        "zh": f"貨件準備中，預計 {promised} 送達。",
    }
