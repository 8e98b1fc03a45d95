"""What must not stand in a mail does not, and no text becomes a header."""

import pytest

from cases.wording import words
from orchestrator.notices.plain import cut, fit, line, short_name, shortened


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Chan Tai Man", "Chan T."),
        ("陳大文", "陳*"),
        ("Cher", "C."),
        ("chan@example.com", ""),
        ("+852 9123 4567", ""),
        ("Chan T.", "Chan T."),
        ("陳*", "陳*"),
        ("Chan\r\nBcc: x@example.com", ""),
    ],
)
def test_names_are_short(name: str, short: str) -> None:
    assert short_name(name) == short


def test_a_title_names_nobody_in_full() -> None:
    assert shortened("Refund HK$480.00 to Chan Tai Man", ["Chan Tai Man"]) == "Refund HK$480.00 to Chan T."
    assert shortened("全數退款 HK$480.00 · 陳大文", []) == "全數退款 HK$480.00 · 陳*"
    assert shortened("Refund HK$480.00 · chan@example.com", []) == "Refund HK$480.00"


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("card 4242 4242 4242 4242 here", "4242 4242 4242"),
        ("card 4242-4242-4242-4242", "4242-4242-4242"),
        ("HKID A123456(7)", "A123456"),
        ("id AB123456A", "AB123456"),
        ("write to chan@example.com", "chan@"),
    ],
)
def test_card_and_identity_numbers_are_masked(text: str, without: str) -> None:
    assert without not in line(text)
    assert "•" in line(text)


def test_amounts_dates_and_order_numbers_stay() -> None:
    for text in ("HK$1,480,000.00", "order 88213", "due 25 Nov 11:30", "C-1042", "phone 2345 0204"):
        assert line(text) == text


def test_nothing_in_a_text_is_a_new_line() -> None:
    assert line("a\r\nBcc: b\x00\u202ec\u2028d") == "a Bcc: b c d"


def test_a_mail_is_cut_to_its_words() -> None:
    assert words("one two 三四五六") == 4
    assert words(cut("word " * 200, 20)) == 20
    assert words(cut("字" * 200, 20)) == 20
    rows = fit(["word " * 80, "字" * 100, "three short words"], 20)
    assert sum(map(words, rows)) + 20 <= 90
    assert rows[2] == "three short words"
