"""Checks that everything a map names is there and fits: one check for the file and for the admin. Pure."""

from orchestrator.workmap.checking import agents, company, rules, systems, types
from orchestrator.workmap.checking.book import Book
from orchestrator.workmap.problems import Problem, Report
from orchestrator.workmap.records import Key, Records
from orchestrator.workmap.schema import SHAPES


def check(records: Records, broken: frozenset[Key] = frozenset()) -> list[Problem]:
    """All that is wrong between these records. A problem's `at` begins with the kind and name of its record.

    `broken`: names of records whose shape is already known to be wrong; they may be named, no more.
    """
    book = Book(records, broken)
    for part in (company, systems, agents, types, rules):
        part.check(book)
    return book.report.problems


def check_whole(records: Records) -> list[Problem]:
    """All that is wrong in and between these records: their shape first, as rows can be written by other ways."""
    report = Report()
    broken: set[Key] = set()
    for key, record in records.items():
        inner = Report()
        SHAPES[key[0]].check(record, (), inner)
        for problem in inner.problems:
            broken.add(key)
            report.add((*key, *problem.at), problem.text)
    sound = {key: record for key, record in records.items() if key not in broken}
    return [*report.problems, *check(sound, frozenset(broken))]


__all__ = ["check", "check_whole"]
