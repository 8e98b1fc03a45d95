"""Loading: all or nothing, twice is once, a dump gives the same map."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, FactSource, FallbackStep, Grant, Operation, Policy, StepWork, Switch
from approvals.models import Rule, StandingApproval
from cases.actors import Actor, person
from cases.models import Company, Event, Fact, RequestType, Step, Team
from orchestrator.workmap import live, services
from orchestrator.workmap.dumping import dump, the_map
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.models import MapRecord
from orchestrator.workmap.reading import read, read_file
from orchestrator.workmap.records import normal
from tests.workmap.maps import SHOP, named, of, shop, shop_text

BY = Actor("control", "test")
RETAIL = Path(settings.BASE_DIR) / "orchestrator/demo/retail.yaml"


def counts() -> dict[str, int]:
    models = [Operation, Agent, Grant, RequestType, Fact, FactSource, Step, StepWork, Rule, Team, Company]
    return {model.__name__: model.history.count() for model in models} | {"events": Event.objects.count()}  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_it_gives_the_same_map_back() -> None:
    services.load(actor=BY, text=shop_text())
    assert the_map() == shop()
    assert read(dump().encode()).value == shop()


@pytest.mark.django_db
def test_it_gives_the_demo_map_back() -> None:
    text = read_file(str(RETAIL))
    services.load(actor=BY, text=text)
    assert read(dump().encode()).value == text.value


@pytest.mark.django_db
def test_the_rows_alone_give_the_same_map_without_the_words_of_the_author() -> None:

    services.load(actor=BY, text=shop_text())
    MapRecord.objects.all().delete()
    before = live.read().records
    assert services.load(actor=BY, text=read(dump().encode())).words == []
    assert live.read().records == before
    said = named(shop()["operations"], "payments.refund")
    assert before["operation", "payments.refund"] == normal("operation", said)


@pytest.mark.django_db
def test_loading_twice_changes_nothing() -> None:
    services.load(actor=BY, text=shop_text())
    before, epoch = counts(), Policy.objects.get().epoch
    loaded = services.load(actor=BY, text=shop_text())
    assert (loaded.words, loaded.changed) == ([], False)
    assert counts() == before
    assert Policy.objects.get().epoch == epoch
    assert not Rule.objects.exclude(version=1).exists()


@pytest.mark.django_db
def test_an_error_in_the_last_line_changes_nothing() -> None:
    broken = SHOP.rstrip().rsplit("\n", 1)[0] + '\n    then: {forbid: "No", if_unknown: {ask: heds}}\n'
    with pytest.raises(Refused) as refused:
        services.load(actor=BY, text=read(broken.encode()))
    line = broken.rstrip().count("\n") + 1
    assert refused.value.lines == [
        f"line {line}: rule `no-refund-after-year` names team `heds`, which does not exist; did you mean `heads`?"
    ]
    assert not Company.objects.exists() and not Team.objects.exists() and not Event.objects.exists()


@pytest.mark.django_db
def test_what_the_map_says_is_in_the_rows() -> None:
    services.load(actor=BY, text=shop_text())
    operation = Operation.objects.get(name="payments.refund")
    assert (operation.hold_seconds, str(operation.high_above), operation.system.name) == (90, "2000.00", "payments")
    assert Operation.objects.get(name="payments.cancel_refund").case_key == "none"
    assert Company.objects.get().hold_seconds == 60
    assert (Company.objects.get().step_up, Company.objects.get().step_up_seconds) == ("high", 120)
    assert list(Team.objects.filter(step_up=True).values_list("name", flat=True)) == ["heads"]
    assert list(RequestType.objects.filter(suggestion_after_choice=True).values_list("name", flat=True)) == [
        "late_delivery"
    ]
    sources = FactSource.objects.filter(fact__name="order_number").order_by("position")
    assert [source.kind for source in sources] == ["form", "message"]
    assert FactSource.objects.get(fact__name="order").operation == Operation.objects.get(name="shop.get_order")
    assert Step.objects.get(name="check").team == Team.objects.get(name="support")
    assert FallbackStep.objects.get().title == "Check the order"
    scopes = set(Switch.objects.values_list("scope", "name"))
    assert {("all", ""), ("agent", "finance"), ("type", "refund"), ("system", "payments")} <= scopes


@pytest.mark.django_db
def test_rules_read_as_sentences_in_both_languages() -> None:
    services.load(actor=BY, text=shop_text())
    sentence = Rule.objects.get(name="refund-over-300").sentence
    assert "HK$300.00" in sentence["en"] and "support managers" in sentence["en"]
    assert "HK$300.00" in sentence["zh-hant"] and "退款" not in sentence["en"]


@pytest.mark.django_db
def test_a_standing_approval_is_never_in_force_by_loading() -> None:
    services.load(actor=BY, text=shop_text())
    standing = StandingApproval.objects.get()
    assert (standing.by, standing.confirmed_at, standing.in_force) == ("may.lee", None, False)


@pytest.mark.django_db
def test_teams_get_their_rights_on_the_type() -> None:
    services.load(actor=BY, text=shop_text())
    manager = User.objects.create(username="may.lee")
    manager.groups.add(Team.objects.get(name="support-managers").group)
    assert RequestType.objects.with_right(manager, "decide").count() == 2


@pytest.mark.django_db
def test_a_change_says_who_and_why_and_raises_version_and_epoch() -> None:
    services.load(actor=BY, text=shop_text())
    epoch = Policy.objects.get().epoch
    user = User.objects.create(username="admin")
    whole = shop()
    named(whole["rules"], "refund-over-300")["when"]["all"][0]["value"] = 500
    services.load(actor=person(user), text=of(whole), reason="Agreed in October")
    rule = Rule.objects.get(name="refund-over-300")
    newest = rule.history.first()
    assert (rule.version, newest.history_user, newest.history_change_reason) == (2, user, "Agreed in October")
    assert "HK$500.00" in rule.sentence["en"]
    assert Policy.objects.get().epoch > epoch
    assert Event.objects.filter(code="policy.loaded").count() == 2


@pytest.mark.django_db
def test_what_the_map_does_not_name_is_left_and_listed_or_retired() -> None:
    services.load(actor=BY, text=shop_text())
    whole = shop()
    whole["rules"] = [rule for rule in whole["rules"] if rule["name"] != "repeat-refund"]
    loaded = services.load(actor=BY, text=of(whole))
    assert (loaded.words, loaded.left) == ([], ["rule repeat-refund"])
    assert services.load(actor=BY, text=of(whole), retire=True).words == ["Rule repeat-refund is retired"]
    assert Rule.objects.get(name="repeat-refund").retired
    assert the_map() == whole
    services.load(actor=BY, text=shop_text())
    assert not Rule.objects.get(name="repeat-refund").retired


@pytest.mark.django_db
def test_a_part_of_the_map_may_name_what_is_loaded_already() -> None:
    services.load(actor=BY, text=shop_text())
    part = {"work_command_map": 1, "rules": [{"name": "new", "then": {"ask": "heads"}}]}
    assert services.load(actor=BY, text=of(part)).words == ["Rule new is new"]


@pytest.mark.django_db
def test_a_type_loses_parts_that_it_no_longer_names() -> None:
    services.load(actor=BY, text=shop_text())
    whole = shop()
    refund = named(whole["request_types"], "refund")
    refund["facts"] = [fact for fact in refund["facts"] if fact["name"] != "offers"]
    refund["steps"] = [step for step in refund["steps"] if step["name"] != "check"]
    services.load(actor=BY, text=of(whole))
    assert Fact.objects.get(name="offers").retired and Step.objects.get(name="check").retired
    assert the_map() == whole
    services.load(actor=BY, text=shop_text())
    assert the_map() == shop()


@pytest.mark.django_db
def test_the_steps_of_a_grant_change_and_come_back() -> None:
    """Their names were taken for the steps of a type, and the load ended with a traceback."""
    whole = shop()
    services.load(actor=BY, text=of(whole))
    steps = whole["grants"][0].pop("steps")
    words = services.load(actor=BY, text=of(whole)).words
    assert words == ["Grant finance payments.refund: steps loses work_out"]
    assert Grant.objects.get(operation__name="payments.refund").steps in ([], None)
    whole["grants"][0]["steps"] = steps
    words = services.load(actor=BY, text=of(whole)).words
    assert words == ["Grant finance payments.refund: steps gains work_out"]
    assert the_map() == shop()


@pytest.mark.django_db
def test_two_grants_of_one_operation_keep_apart() -> None:
    whole = shop()
    extra = {
        "agent": "finance",
        "operation": "shop.get_order",
        "reason": "More",
        "until": "2027-01-01",
        "types": ["refund"],
    }
    whole["grants"].append(extra)
    services.load(actor=BY, text=of(whole))
    assert Grant.objects.filter(operation__name="shop.get_order").count() == 2
    assert services.load(actor=BY, text=of(whole)).words == []
    whole["grants"] = [extra, *[grant for grant in whole["grants"] if grant is not extra]]
    extra["reason"] = "Still more"
    words = services.load(actor=BY, text=of(whole)).words
    assert words == ["Grant finance shop.get_order #2: reason changes from More to “Still more”"]
    assert Grant.objects.filter(operation__name="shop.get_order").count() == 2


def run(*args: Any, **options: Any) -> str:
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_the_commands_load_check_and_dump(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    assert "Only checked; nothing was changed." in run("load_map", str(file), check=True)
    assert not Company.objects.exists()
    run("load_map", str(file), reason="Start")
    assert Company.history.first().history_change_reason == "Start"  # type: ignore[attr-defined]
    assert read(run("dump_map").encode()).value == shop()
    assert "nothing changes" in run("load_map", str(file))
    with pytest.raises(CommandError, match=r"There is no active user nobody"):
        run("load_map", str(file), by="nobody")


@pytest.mark.django_db
def test_a_command_names_every_problem_and_says_that_nothing_changed(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        SHOP.replace("escalates_to: heads", "escalate_to: heads").replace("team: support,", "team: suport,")
    )
    with pytest.raises(CommandError) as error:
        run("load_map", str(file))
    text = str(error.value)
    assert "`escalate_to` is not a key of a team; did you mean `escalates_to`?" in text
    assert "names team `suport`, which does not exist; did you mean `support`?" in text
    assert text.endswith("Nothing was changed.")
    with pytest.raises(CommandError, match="cannot be read"):
        run("load_map", str(tmp_path / "missing.yaml"))


@pytest.mark.django_db
def test_check_says_the_difference_in_words(tmp_path: Path) -> None:
    services.load(actor=BY, text=shop_text())
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP.replace("hold: 90s", "hold: 2m").replace("title: Refund request", "title: Money back"))
    said = run("load_map", str(file), check=True)
    assert "Operation payments.refund: hold changes from 90s to 2m" in said
    assert "Request type refund: title changes from “Refund request” to “Money back”" in said
    assert Operation.objects.get(name="payments.refund").hold_seconds == 90


@pytest.mark.django_db
def test_a_load_asks_the_database_a_bounded_number_of_questions_when_nothing_changes() -> None:
    services.load(actor=BY, text=shop_text())
    with CaptureQueriesContext(connection) as asked:
        services.load(actor=BY, text=shop_text())
    assert len(asked) <= 30
