"""The work command map as it stands, and what a check of it says."""

from cases.clock import database_now
from orchestrator.api.calls import Answer, Call
from orchestrator.api.endpoint import endpoint
from orchestrator.api.plain import plain
from orchestrator.workmap import dumping, gaps

READ = ("read", "staff")


@endpoint("GET", *READ, tag="company", answers={200: "Map"}, limit="exports")
def show_map(call: Call) -> Answer:
    """The whole map as it is in force: what `dump_map` writes, as JSON. Credentials stand as their names."""
    return Answer(plain(dumping.the_map()))


@endpoint("GET", *READ, tag="company", answers={200: "MapCheck"}, limit="exports")
def check_map(call: Call) -> Answer:
    """What the map in force lacks, record by record, in words."""
    found = gaps.gaps(database_now())
    problems = [{"code": gap.code, "what": gap.what, "name": gap.name, "text": gap.text} for gap in found]
    return Answer({"ok": not problems, "problems": plain(problems)})
