"""The sorter: phrases, the model, when a person sorts; few examples, Chinese, odd texts, and its bytes."""

import io
import subprocess
import sys
import time
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import sorting
from cases.sorting import Model
from cases.training import train

EXAMPLES = {
    "refund": [
        "I want my money back for order 88213",
        "please refund my order",
        "give me a refund for the kettle",
        "how do I get my money back",
        "return my payment, I do not want it",
        "full refund, the pan is broken",
        "refund the money to my card",
        "I would like my money returned",
        "我想退款",
        "我要退錢",
        "可唔可以退返錢俾我",
        "請退款到我的信用卡",
        "想申請退款，件貨爛咗",
        "幾時可以退返錢",
    ],
    "address": [
        "I typed the wrong address",
        "change the delivery address of my order",
        "I moved, deliver to my new address",
        "the flat number in my address is wrong",
        "correct the address for order 90417",
        "wrong street in the delivery address",
        "please deliver to another address",
        "my new address is 5 Queen's Road",
        "我填錯咗地址",
        "想更改送貨地址",
        "地址錯咗，可唔可以改",
        "搬咗屋，請送去新地址",
        "送貨地址少咗樓層",
        "改地址得唔得",
    ],
    "opening": [
        "when does the shop open",
        "opening hours of your store",
        "is the shop open on Sunday",
        "what time do you close today",
        "are you open on public holidays",
        "until what time is the store open",
        "closing time of the Mong Kok shop",
        "do you open early on Saturday",
        "你哋幾點開門",
        "舖頭幾點收工",
        "星期日有冇開",
        "營業時間係幾點到幾點",
        "公眾假期開唔開門",
        "門市今日幾點關門",
    ],
    "invoice": [
        "send me the invoice for my order",
        "I need a receipt for accounting",
        "please issue an invoice to my company",
        "where can I download the receipt",
        "the invoice shows the wrong company name",
        "email the receipt for order 77120",
        "I lost my receipt, send it again",
        "invoice copy for tax",
        "我要發票",
        "可唔可以開張收據",
        "請補發收據",
        "發票公司名寫錯咗",
        "想要電子發票",
        "張單據唔見咗，請再寄",
    ],
}
PAIRS = [(text, label) for label, texts in EXAMPLES.items() for text in texts]
TITLES = {"refund": "Refund 退款", "address": "Address 地址", "opening": "Opening 營業時間", "invoice": "Invoice 發票"}
STRANGERS = [
    "tell me a joke about penguins",
    "who won the football match yesterday",
    "translate good morning into French",
    "my dog ate something green",
    "今日天氣點樣",
    "推薦一套好睇嘅戲",
]


@pytest.fixture(scope="module")
def model() -> Model:
    return train(PAIRS, titles=TITLES)


class TestModel:
    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("could you refund the money I paid", "refund"),
            ("Please CHANGE the address for my delivery", "address"),
            ("is your store open on Monday", "opening"),
            ("I need an invoice for the company", "invoice"),
            ("我想要退款", "refund"),
            ("唔該退返啲錢俾我", "refund"),
            ("送貨地址填錯咗", "address"),
            ("星期六幾點開門", "opening"),
            ("可唔可以補發發票", "invoice"),
            ("order 12345 我想退款 thanks", "refund"),
            ("please 改地址 to Kowloon", "address"),
        ],
    )
    def test_it_sorts_english_chinese_cantonese_and_mixed_text(self, model: Model, text: str, label: str) -> None:
        answer = model.predict(text)
        assert (answer.label, answer.by, answer.phrase) == (label, "model", None)
        assert answer.top[0] == sorting.Guess(label, answer.confidence)

    @pytest.mark.parametrize("text", STRANGERS)
    def test_it_leaves_what_belongs_to_no_type_to_a_person_with_three_suggestions(
        self, model: Model, text: str
    ) -> None:
        answer = model.predict(text)
        assert (answer.label, answer.by) == (None, "none")
        assert len({guess.label for guess in answer.top}) == 3
        assert [g.confidence for g in answer.top] == sorted((g.confidence for g in answer.top), reverse=True)

    def test_confidences_of_all_types_add_up_to_one(self, model: Model) -> None:
        margins = model.margins(sorting.features(sorting.plain("refund or address")))
        assert sorting.confidences(margins[None], model.temperature).sum() == pytest.approx(1)

    def test_the_threshold_comes_from_the_examples(self, model: Model) -> None:
        harder = train([(text, label) for text, label in PAIRS if label != "opening"] * 2 + _muddled())
        assert np.isfinite(model.threshold)
        assert harder.threshold != model.threshold

    def test_examples_from_outside_teach_it_what_to_stop(self) -> None:
        outside = [f"{verb} {thing}" for verb in ("sing", "paint", "cook") for thing in _THINGS]
        taught = train(PAIRS, titles=TITLES, outside=outside)
        answers = [taught.predict(f"dance {thing}") for thing in _THINGS]
        assert [answer.label for answer in answers] == [None] * len(_THINGS)
        assert taught.predict("could you refund the money I paid").label == "refund"

    def test_a_rare_type_is_not_drowned_by_a_common_one(self) -> None:
        many = [(f"{text} number {n}", "refund") for text in EXAMPLES["refund"] for n in range(10)]
        few = [(text, "address") for text in EXAMPLES["address"][:5]]
        few += [(text, "invoice") for text in EXAMPLES["invoice"]]
        assert train(many + few).predict("I need another delivery address").top[0].label == "address"

    def test_titles_help_where_examples_say_little(self) -> None:
        examples = [("hello A", "one"), ("hello B", "two"), ("hello C", "three")]
        titles = {"one": "Warranty repair", "two": "Gift cards", "three": "Newsletter", "four": "Nothing yet"}
        answer = train(examples, titles=titles).predict("repair under warranty")
        assert answer.top[0].label == "one"
        assert "four" not in {guess.label for guess in answer.top}

    def test_the_order_of_the_examples_does_not_matter(self, model: Model) -> None:
        again = train(PAIRS[::-1], titles=dict(reversed(TITLES.items())))
        assert again.to_bytes() == model.to_bytes()


_THINGS = ("a song", "a tree", "some rice", "the moon", "in the garden", "with my friends", "on the beach", "slowly")


def _muddled() -> list[tuple[str, str]]:
    """Messages whose words do not tell their type."""
    words = ("please", "order", "help", "now")
    return [(" ".join(said), ("refund", "address")[n % 2]) for n, said in enumerate(permutations(words))]


class TestFewExamples:
    def test_without_examples_everything_goes_to_a_person(self) -> None:
        answer = train([], titles=TITLES).predict("I want a refund")
        assert answer == sorting.Sorted(None, 0.0, [], "none", None)

    def test_without_examples_phrases_still_sort(self) -> None:
        answer = train([]).predict("I want a refund", {"refund": ["a refund"]})
        assert (answer.label, answer.by, answer.phrase) == ("refund", "phrase", "a refund")

    def test_with_one_example_each_it_suggests_and_does_not_decide(self) -> None:
        answer = train([("I want a refund", "refund"), ("wrong address", "address")]).predict("my refund?")
        assert answer.label is None
        assert [guess.label for guess in answer.top] == ["refund", "address"]

    def test_a_single_type_cannot_be_told_from_anything(self) -> None:
        assert train([(text, "refund") for text in EXAMPLES["refund"]]).predict("我想退款").label is None

    def test_two_types_are_sorted_once_there_are_examples_to_judge_by(self) -> None:
        two = train([pair for pair in PAIRS if pair[1] in ("refund", "opening")])
        assert two.predict("refund my money please").label == "refund"
        assert two.predict("is the store open on Monday").label == "opening"
        assert two.predict("zebra").label is None

    def test_examples_that_say_nothing_do_no_harm(self) -> None:
        blank = train([("", "a"), (" ", "b"), ("\0", "c"), ("", "c"), ("😀", "a")], outside=["", "😀"])
        assert blank.predict("").label in (None, "a", "b", "c")


class TestPhrases:
    PHRASES = {"refund": ["Money back", "退款"], "address": ["wrong address", "C++"], "opening": [" ", ""]}

    @pytest.mark.parametrize(
        ("text", "phrase"),
        [
            ("I want my MONEY BACK!", "Money back"),
            ("money\n  back", "Money back"),
            ("ｍｏｎｅｙ　ｂａｃｋ", "Money back"),  # full width
            ("我要money back呀", "Money back"),
            ("我想申請退款得唔得", "退款"),
            ("Wrong address.", "wrong address"),
            ("a book on c++ please", "C++"),
        ],
    )
    def test_a_phrase_of_one_type_decides(self, model: Model, text: str, phrase: str) -> None:
        answer = model.predict(text, self.PHRASES)
        assert (answer.by, answer.phrase, answer.confidence) == ("phrase", phrase, 1.0)
        assert answer.label == next(label for label, all_ in self.PHRASES.items() if phrase in all_)

    @pytest.mark.parametrize("text", ["money backwards", "wrong addresses", "xc++", "lemoney back2"])
    def test_a_phrase_within_a_longer_word_does_not_count(self, model: Model, text: str) -> None:
        assert model.predict(text, self.PHRASES).by != "phrase"

    def test_a_later_whole_word_counts_after_one_within_a_word(self, model: Model) -> None:
        assert model.predict("moneybacks and my back", {"refund": ["back"]}).phrase == "back"

    def test_of_phrases_of_two_types_the_model_decides(self, model: Model) -> None:
        phrases = {"refund": ["order"], "address": ["order"], "invoice": ["order"]}
        for text, label in [("my order: money back", "refund"), ("my order: deliver to new address", "address")]:
            answer = model.predict(text, phrases)
            assert (answer.label, answer.by, answer.phrase) == (label, "phrase", "order")
            assert {guess.label for guess in answer.top} == set(phrases)
            assert sum(guess.confidence for guess in answer.top) == pytest.approx(1)

    def test_of_phrases_of_two_types_one_of_which_is_new_a_person_decides(self, model: Model) -> None:
        answer = model.predict("refund my order", {"refund": ["refund"], "brand_new": ["order"]})
        assert (answer.label, answer.by) == (None, "none")
        assert {guess.label for guess in answer.top[:2]} == {"refund", "brand_new"}


class TestOddText:
    @pytest.mark.parametrize(
        "text", ["", " \n\t", "\0", "\0refund\0", "😀👩‍👩‍👧", "\ud800", "ﷺ" * 4000, "١٢٣", "\u202egnirts"]
    )
    def test_it_answers(self, model: Model, text: str) -> None:
        answer = model.predict(text, TestPhrases.PHRASES)
        assert 0 <= answer.confidence <= 1

    @given(st.text(st.characters(exclude_categories=())))
    @settings(max_examples=150, deadline=None)
    def test_it_never_raises(self, text: str) -> None:
        columns, counts = sorting.features(sorting.plain(text))
        assert len(columns) == len(counts) > 0
        assert columns.max() < sorting.COLUMNS

    def test_a_megabyte_is_read_from_its_beginning_and_takes_no_longer(self, model: Model) -> None:
        text = "I want my money back. " * 50_000
        began = time.process_time()
        answer = model.predict(text, TestPhrases.PHRASES)
        assert time.process_time() - began < 0.2
        assert answer == model.predict(text[: sorting.READ], TestPhrases.PHRASES)

    def test_long_numbers_are_all_alike(self) -> None:
        one, other = (sorting.features(f"order {number}")[0] for number in ("88213", "904170"))
        assert set(one) == set(other)


class TestBytes:
    def test_what_is_read_back_answers_the_same(self, model: Model) -> None:
        again = Model.from_bytes(model.to_bytes())
        for text in [*STRANGERS, *(text for text, _ in PAIRS)]:
            assert again.predict(text) == model.predict(text)

    def test_a_model_without_examples_can_be_kept_too(self) -> None:
        assert Model.from_bytes(train([]).to_bytes()).predict("hello").label is None

    def test_another_format_is_refused(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sorting, "FORMAT", sorting.FORMAT + 1)
        newer = model.to_bytes()
        monkeypatch.undo()
        with pytest.raises(ValueError, match="train it again"):
            Model.from_bytes(newer)

    @pytest.mark.parametrize("data", [b"", b"junk", b"PK\x03\x04", b"\x80\x04N."])
    def test_other_bytes_are_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError):
            Model.from_bytes(data)

    def test_half_a_model_is_refused(self, model: Model) -> None:
        with pytest.raises(ValueError, match="train it again"):
            Model.from_bytes(model.to_bytes()[:5000])

    def test_pickled_arrays_are_refused(self) -> None:
        stream = io.BytesIO()
        np.savez(stream, format=np.array(sorting.FORMAT), numbers=np.array([object()], dtype=object))
        with pytest.raises(ValueError):
            Model.from_bytes(stream.getvalue())


def test_sorting_needs_no_training_library() -> None:
    code = "import sys, cases.sorting; sys.exit(any(m.split('.')[0] in ('sklearn', 'scipy') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
