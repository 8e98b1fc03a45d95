"""What cannot be seen is made visible, and nothing that is what it looks like is touched."""

import pytest

from cases.plain_sight import has_hidden, visible

HIDDEN = [
    ("pay\u200bload", "pay⟨U+200B⟩load"),
    ("\u202eevil", "⟨U+202E⟩evil"),
    ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
    ("soft\u00adhyphen", "soft⟨U+00AD⟩hyphen"),
    ("tag\U000e0041", "tag⟨U+E0041⟩"),
    ("bell\x07", "bell⟨U+0007⟩"),
    ("line\u2028end", "line⟨U+2028⟩end"),
    ("\ufeffstart", "⟨U+FEFF⟩start"),
    ("blank\u3164", "blank⟨U+3164⟩"),
    ("private\ue000", "private⟨U+E000⟩"),
    ("select\U000e0101", "select⟨U+E0101⟩"),
    ("join\u200der", "join⟨U+200D⟩er"),
    ("\ufe0f", "⟨U+FE0F⟩"),
    ("return\rhome", "return⟨U+000D⟩home"),
    ("H\u041a12 3456", "H\u041a⟨U+041A⟩12 3456"),
    ("p\u0430yp\u0430l", "p\u0430⟨U+0430⟩yp\u0430⟨U+0430⟩l"),
    ("\uff11\uff12a3", "\uff11⟨U+FF11⟩\uff12⟨U+FF12⟩a3"),
]
PLAIN = [
    "", "plain text, 1,480.50", "two\nlines\tand a tab", "付款期為三十日。", "付款\u3000期", "Привет, мир", "Ελλάδα",
    "café — “ok” … ½ €", "👍 fine", "👨\u200d👩\u200d👧 family", "❤\ufe0f", "１２３ 全形",
]  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_a_hidden_sign_is_named(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert has_hidden(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_what_it_looks_like_stays(text: str) -> None:
    assert visible(text) == text
    assert not has_hidden(text)


def test_a_long_text_ends_in_time() -> None:
    assert visible("a\u200b" * 50_000).count("⟨U+200B⟩") == 50_000
    assert visible("line\r\n" * 10_000) == "line\n" * 10_000
