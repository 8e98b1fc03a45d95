"""Finding cases by words (`CaseWords`), at a cost that does not grow with the archive.

A word that many cases have is looked for from the newest case back, a rarer one in its index; which of the two it is
shows in the newest few thousand. The planner cannot know it: it guesses for every beginning of a word.
"""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL

from cases.models.running import CaseQuerySet

NEWEST = 4_000  # cases that tell whether a word is common
COMMON = 200  # of them
MOST = 1_000  # the newest with these words; older ones are found by one word more

_FOUND = f"""
CASE WHEN (
    SELECT count(*) FROM (SELECT words FROM cases_casewords ORDER BY case_id DESC LIMIT {NEWEST}) newest
    WHERE words @@ words_wanted(%s)) >= {COMMON}
  THEN ARRAY(
    SELECT case_id FROM (SELECT case_id, words FROM cases_casewords ORDER BY case_id DESC OFFSET 0) newest_first
    WHERE words @@ words_wanted(%s) LIMIT {MOST + 1})
  ELSE cases_with_words(words_wanted(%s), {MOST + 1})
  END
"""  # noqa: S608  # our own numbers


@dataclass(frozen=True)
class Found:
    """Numbers of the newest of them with all the words; `more`: there are older ones too."""

    cases: tuple[int, ...]
    more: bool

    @property
    def these(self) -> Q:
        return Q(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [list(self.cases)]))  # bound value


def find(cases: CaseQuerySet, text: str) -> Found:
    """Those of `cases`, which are what somebody may see, with all words of `text` in sentence, requester or facts, and
    the case of that number. One query; newer cases of others take no place of theirs.

    Words are found by how they begin, Chinese by any two neighbours. A text without a word finds nothing.
    """
    sql, values = _among(cases, text)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", values)  # constant text, and the query of `cases`
        found = cursor.fetchone()[0]
    return Found((*_numbers(text), *found[:MOST]), len(found) > MOST)


def saying(cases: CaseQuerySet, text: str, *, oldest: bool = False) -> Q:
    """The same as a condition, for a list that is asked for once: no query of its own.

    `oldest`: where too many have the words the oldest of `cases`, for a page before one that was seen.
    """
    sql, values = _among(cases, text, "pk" if oldest else "-pk")
    return Q(pk__in=RawSQL(f"SELECT unnest(%s::bigint[] || {sql})", [_numbers(text), *values]))  # noqa: S611


def _among(cases: CaseQuerySet, text: str, order: str = "-pk") -> tuple[str, list[Any]]:
    """The newest of `cases` with the words. Only where too many have them are those of `cases` looked for apart: then
    the planner goes by what somebody may see, or from the newest back, whichever is less.
    """
    having = RawSQL("SELECT case_id FROM cases_casewords WHERE words @@ words_wanted(%s)", [text])  # bound value
    try:
        own, values = cases.filter(pk__in=having).order_by(order).values("pk")[: MOST + 1].query.sql_with_params()
    except EmptyResultSet:  # who may see nothing
        own, values = "SELECT NULL::bigint WHERE false", ()
    sql = f"""(SELECT CASE WHEN cardinality(hits) <= {MOST} THEN hits ELSE ARRAY({own}) END
      FROM (SELECT {_FOUND} AS hits OFFSET 0) found)"""  # noqa: S608  # constant texts; every value is bound
    return sql, [*values, *[text] * 3]  # in the order in which they stand


def _numbers(text: str) -> list[int]:
    """The number of a case, if the text is one."""
    number = text.strip().upper().removeprefix("C-")
    return [int(number)] if number.isascii() and number.isdecimal() and len(number) < 19 else []
