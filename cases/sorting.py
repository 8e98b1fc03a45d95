"""Sort a request by its words: phrases of the request types first, then a linear model, else a person.

What a text is turned into, how a trained model answers, and how it is kept as bytes. Pure and on numpy alone, so
that web processes pay for no training library; fitting is in `cases/training.py`. No queries, no clock, no pickle.
"""

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FORMAT = 1
"""Rises when features or arrays change: a model of another format is refused and must be trained again."""

READ = 4_000  # characters: what a request is about stands near its beginning, and time must be bounded
COLUMNS = 1 << 15  # features share columns; twice as many sort no better, and this bounds size and time
SUGGESTIONS = 3

_PAIRED_WORDS = 40  # the first different words that are paired with one another
_STEM = 5  # letters: "refund", "refunded" and "refunds" make the same pairs

# Scripts that are written without spaces between words: each character counts as a word.
_UNSPACED = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W{_UNSPACED}]+")
_LONG_NUMBER = re.compile(r"\d{3,}")
_INSIDE_WORD = re.compile(f"[^\\W{_UNSPACED}]{{2}}")

Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]
Columns = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Guess:
    """One request type and how likely it is, 0 to 1."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Sorted:
    """Where a request belongs. `label` None: nobody can say by machine, a person picks (`top` helps)."""

    label: str | None
    confidence: float  # of the best guess, also where it was not sure enough
    top: list[Guess]  # at most three, likeliest first
    by: Literal["phrase", "model", "none"]
    phrase: str | None  # as written on the type, where it decided


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """A trained sorter. Immutable; `cases.training.train` makes one."""

    labels: tuple[str, ...]  # request types; the last column of `weights` may be one more, "none of them"
    weights: npt.NDArray[np.float16]  # a row for each feature column, a column for each label
    bias: Floats
    rarity: Floats  # what a feature weighs by being rare
    temperature: float  # turns margins into confidences that can be believed
    threshold: float  # belonging below this goes to a person; infinite while the model could not be checked

    def predict(self, text: str, phrases: Mapping[str, Sequence[str]] | None = None) -> Sorted:
        """Sort one text. `phrases`: request type -> its phrases; a phrase of one type decides, of several asks the
        model which of them. Never raises for what the text holds."""
        text = plain(text)
        margins = self.margins(features(text))
        said = _said(text, phrases or {})
        if said:
            return self._by_phrase(said, margins)
        top = self._guesses(margins, self.labels)[:SUGGESTIONS]
        if not top:
            return Sorted(None, 0.0, [], "none", None)
        if self.belonging(margins) < self.threshold:
            return Sorted(None, top[0].confidence, top, "none", None)
        return Sorted(top[0].label, top[0].confidence, top, "model", None)

    def margins(self, counted: tuple[Columns, Floats]) -> Floats:
        """How far on the inside of each label's border the counted features lie (positive: inside)."""
        columns, counts = counted
        weighed = counts * self.rarity[columns]
        length = float(np.linalg.norm(weighed)) or 1.0
        return np.asarray(weighed @ self.weights[columns].astype(np.float32) / length + self.bias)

    def belonging(self, margins: Floats) -> float:
        """How surely the text belongs to any type at all; compare with `threshold`."""
        types = len(self.labels)
        if not types:
            return -np.inf
        outside = float(margins[types]) if len(margins) > types else 0.0
        return float(margins[:types].max()) - outside

    def _guesses(self, margins: Floats, among: Collection[str]) -> list[Guess]:
        """The known ones of some types, likeliest first; their confidences add up to 1."""
        known = [i for i, label in enumerate(self.labels) if label in among]
        if not known:
            return []
        shares = confidences(margins[None, known], self.temperature)[0]
        order = np.argsort(-shares, kind="stable")
        return [Guess(self.labels[known[i]], float(shares[i])) for i in order]

    def _by_phrase(self, said: Mapping[str, str], margins: Floats) -> Sorted:
        """One type's phrase decides. Of several types' the model takes the likeliest, if it knows them all."""
        named = self._guesses(margins, said)
        decided = len(said) in (1, len(named))
        if len(named) < len(said):
            named = [Guess(label, 1 / len(said)) for label in said]
        others = [Guess(guess.label, 0.0) for guess in self._guesses(margins, self.labels) if guess.label not in said]
        top = [*named, *others][:SUGGESTIONS]
        label, confidence = top[0].label, top[0].confidence
        if not decided:
            return Sorted(None, confidence, top, "none", None)
        return Sorted(label, confidence, top, "phrase", said[label])

    def to_bytes(self) -> bytes:
        """The model as a compressed numpy archive, for `from_bytes`."""
        stream = io.BytesIO()
        np.savez_compressed(
            stream,
            format=np.array(FORMAT),
            labels=np.array(self.labels, dtype=str),
            weights=self.weights,
            bias=self.bias,
            rarity=self.rarity,
            numbers=np.array([self.temperature, self.threshold]),
        )
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """The model that `to_bytes` wrote. Raises ValueError for another format or for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                found = int(arrays["format"])
                if found != FORMAT:
                    raise ValueError(f"The sorter has format {found}, this version reads {FORMAT}: train it again.")
                temperature, threshold = (float(number) for number in arrays["numbers"])
                return cls(
                    labels=tuple(str(label) for label in arrays["labels"]),
                    weights=arrays["weights"],
                    bias=arrays["bias"],
                    rarity=arrays["rarity"],
                    temperature=temperature,
                    threshold=threshold,
                )
        except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError("These bytes are not a sorter: train it again.") from error


def confidences(margins: Floats, temperature: float) -> Floats:
    """Margins (a row a text) as shares that add up to 1 in each row."""
    raised = np.exp((margins - margins.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


# ------------------------------------------------------------------------------------------------- the text


def plain(text: str) -> str:
    """The beginning of a text as it is compared: one form for full and half width, no case, single spaces."""
    folded = unicodedata.normalize("NFKC", text[:READ]).casefold()
    return " ".join(folded[:READ].split())


def features(text: str) -> tuple[Columns, Floats]:
    """The columns a `plain` text touches and how much: its words, its pairs of words in any order, and its runs of
    two and three characters, which need no word splitter. Long numbers are all alike: order 88213 says no more than
    order 90417. How often a feature comes counts by its logarithm."""
    text = _LONG_NUMBER.sub("0", text)
    words = _WORD.findall(text)
    hashes = np.concatenate([_mixed(_hashes(words)), _pairs(words), _runs(text)])
    columns, times = np.unique(hashes % np.uint64(COLUMNS), return_counts=True)
    return columns.astype(np.int32), (1 + np.log(times)).astype(np.float32)


def _pairs(words: Sequence[str]) -> Hashes:
    """Each two different word stems, whichever comes first: "card lost" and "lost my card" meet here."""
    stems = _hashes(list(dict.fromkeys(word[:_STEM] for word in words))[:_PAIRED_WORDS])
    one, other = np.triu_indices(len(stems), 1)
    low, high = np.minimum(stems[one], stems[other]), np.maximum(stems[one], stems[other])
    return _mixed(_mixed(low) + high)


def _runs(text: str) -> Hashes:
    """Each two and three neighbouring characters within a word, a space at either end counting as a character."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    twos = _mixed(_mixed(codes[:-1]) + codes[1:])
    threes = _mixed(twos[:-1] + codes[2:])
    return np.concatenate([twos, threes[codes[1:-1] != ord(" ")]])


def _hashes(words: Sequence[str]) -> Hashes:
    return np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words], np.uint64)


def _mixed(numbers: Hashes) -> Hashes:
    """Numbers spread evenly over 64 bits, the same on every machine (Fibonacci hashing, folded)."""
    spread = numbers * np.uint64(0x9E3779B97F4A7C15)
    return spread ^ (spread >> np.uint64(32))


# ---------------------------------------------------------------------------------------------- the phrases


def _said(text: str, phrases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The request types with a phrase in a `plain` text, and that phrase as it was written."""
    found = {}
    for label, written in phrases.items():
        phrase = next((phrase for phrase in written if _contains(text, plain(phrase))), None)
        if phrase is not None:
            found[label] = phrase
    return found


def _contains(text: str, phrase: str) -> bool:
    """Whether the phrase stands in the text, not within a longer word; where words have no spaces, anywhere."""
    start = text.find(phrase) if phrase else -1
    while start >= 0:
        inside = start > 0 and _INSIDE_WORD.match(text, start - 1)
        if not inside and not _INSIDE_WORD.match(text, start + len(phrase) - 1):
            return True
        start = text.find(phrase, start + 1)
    return False
