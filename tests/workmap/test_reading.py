"""Reading: YAML 1.2, and nothing that is unsafe (F05)."""

# one case a row, one record a line

import time
from typing import Any

import pytest

from orchestrator.workmap import reading
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.reading import read
from tests.guarantees import guarantee


def refusal(data: bytes | str) -> str:
    with pytest.raises(Refused) as refused:
        read(data if isinstance(data, bytes) else data.encode())
    return str(refused.value)


def test_it_reads_yaml_1_2_and_not_1_1() -> None:
    text = "a: no\nb: on\nc: 12:30\nd: 2027-03-31\ne: 0o17\nf: 1e3\ng: ~\nh: yes\ni: true\nj: 0x1F\nk: 1_000\nl: 010\nno: n\n"
    assert read(text.encode()).value == {
        "a": "no", "b": "on", "c": "12:30", "d": "2027-03-31", "e": 15, "f": 1000.0, "g": None, "h": "yes", "i": True,
        "j": 31, "k": "1_000", "l": 10, "no": "n",
    }  # fmt: skip


def test_it_keeps_the_line_of_every_key_and_item() -> None:
    read_ = read(b"a:\n  - x: 1\n    y:\n      2\n  - {z: 3}\nb: 4\n")
    lines = [read_.mark.line_of(at) for at in [("a",), ("a", 0, "x"), ("a", 0, "y"), ("a", 1, "z"), ("b",), ("c", 9)]]
    assert lines == [1, 2, 3, 5, 6, 1]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "`a` is said twice; first in line 1"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "the tag"),
        ("a: !include x\n", 1, "the tag"),
        ("a: &a [*a]\n", 1, "contains itself"),
        ("a: *b\n", 1, "stands for nothing"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key must be text"),
        ("a: 1\n2: b\n", 2, "a key must be text"),
        ("a: .nan\n", 1, "not a number"),
        ("a: 1e999\n", 1, "not a number"),
        (f"a: {'9' * 5000}\n", 1, "more than 30 digits"),
        ('a: "\\0"\n', 1, "U+0000"),
        ('a: "\\uD800"\n', 1, ""),
        ("a: 1\n\x07\n", 2, "U+0007"),
        ("a: [1, 2\nb: 3\n", 2, "this is not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("", 1, "empty"),
        ("a: " + "[" * 100_000, 1, "nested deeper"),
        ("a:\n" + "".join(f"{'  ' * depth}- \n" for depth in range(1, 70)) + "", 1, ""),
    ],
)
def test_it_refuses_bad_input_with_line_and_reason(text: str, line: int, words: str) -> None:
    if not words:
        try:
            read(text.encode("utf-8", "surrogatepass"))
        except Refused as refused:
            assert str(refused).startswith("line ")
        return
    said = refusal(text)
    assert said.startswith(f"line {line}: ") and words in said


@guarantee("F05", ci=1)
def test_it_refuses_a_billion_laughs_quickly() -> None:
    lines = ["a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(12)]
    before = time.monotonic()
    assert "aliases written out" in refusal("\n".join(lines))
    assert time.monotonic() - before < 5


@guarantee("F05", ci=1)
def test_it_refuses_many_aliases() -> None:
    assert "more than 500 aliases" in refusal("a: &a 1\nb: [" + ", ".join(["*a"] * 600) + "]")


@guarantee("F05", ci=1)
def test_it_refuses_a_hundred_megabytes_without_parsing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_events(text: str) -> Any:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(reading, "_events", no_events)
    assert "larger than 5 MB" in refusal(b"a" * 100_000_000)


def test_it_reads_no_more_of_a_file_than_the_limit(tmp_path: Any) -> None:
    file = tmp_path / "big.yaml"
    with file.open("wb") as out:
        out.truncate(100_000_000)
    with pytest.raises(Refused, match="larger than 5 MB"):
        reading.read_file(str(file))


def test_it_refuses_what_is_no_text() -> None:
    assert refusal(b"a: 1\n\xff\xfe") == "line 2: the file is not UTF-8 text"


def test_an_alias_gives_a_copy() -> None:
    value = read(b"a: &x {k: [1]}\nb: *x\n").value
    value["b"]["k"].append(2)
    assert value["a"] == {"k": [1]}
