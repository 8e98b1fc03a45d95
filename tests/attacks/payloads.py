"""Thirty texts that look like something else than they are, or want to be more than text (A14)."""

IBAN = "GB82 WEST 1234 5698 7654 32"
PAYLOADS: dict[str, str] = {
    "right to left override": "Pay to \u202e23 4567\u202c now",
    "left to right override": "\u202dabc\u202c",
    "embedding": "a \u202bdef\u202c g",
    "isolates": "\u2066x\u2069 \u2067y\u2069 \u2068z\u2069",
    "direction marks": "12\u200e34\u200f56 \u061c78",
    "zero width space": "no\u200bbody",
    "zero width joiners": "re\u200dfu\u200cnd",
    "word joiner": "1\u20600000",
    "byte order mark": "\ufeffHK$480",
    "soft hyphen": "un\u00addo",
    "tag characters": "ok\U000e0001\U000e0070\U000e0061\U000e0079",
    "variation selectors": "A\ufe0e B\ufe0f C\U000e0101",
    "hangul filler": "a\u3164b\u115fc\uffa0d",
    "braille blank": "a\u2800b",
    "grapheme joiner": "a\u034fb",
    "unusual spaces": "HK$\u00a0480\u2007and\u202f1\u2003000\u205f!",
    "line and paragraph separators": "first\u2028second\u2029third",
    "controls": "bell\u0007 back\u0008space esc\u001b[31mred del\u007f",
    "carriage return": "Refund 480\rRefund 1",
    "next line": "a\u0085b",
    "private use": "logo \ue000\uf8ff",
    "cyrillic in an account": IBAN.replace("E", "\u0415").replace("S", "\u0405"),
    "greek in an account": IBAN.replace("B", "\u0392").replace("T", "\u03a4"),
    "full-width digits in an amount": "HK$4\uff1880",
    "mathematical letters": "pay\U0001d429al",
    "html": '<b>480</b><img src=x onerror="document.title=1"><!-- 9 --></span><script>alert(1)</script>',
    "markdown image": "![x](https://evil.example/a.png) [here](javascript:alert(1))",
    "template": "{{ 7*7 }}{% load x %} ${7} &lt;b&gt; &amp;amp; %(x)s",
    "ten thousand letters": "A long text. " * 768 + "the end",
    "rows that look like ours": "Late\namount: HK$1.00\n\n   payment id: P-1 · text: none [U+202E] 退款、「全數」。\t\tend  ",
}
assert len(PAYLOADS) == 30
# What is what it looks like, however odd.
HARMLESS = ("html", "markdown image", "template", "ten thousand letters", "rows that look like ours")
