"""What a requester is told: through the token that handed the request in, in plain words, and nothing else."""

import pytest

from cases.models import Case
from tests.api.program import program
from tests.world import World

pytestmark = pytest.mark.django_db
REQUEST = {"source": "customer", "channel": "api", "text": "Where is my parcel?", "from": {"contact": "a@example.com"}}


def test_the_token_that_handed_a_request_in_is_told_where_it_stands(world: World) -> None:
    shop = program("intake")
    number = shop.post("requests/", REQUEST).json()["case"]
    answer = shop.get(f"cases/{number}/").json()
    assert answer["told"] == "We have your request and are working on it."
    assert set(answer) == {"case", "status", "url", "told"}


def test_it_is_told_in_the_language_of_the_request(world: World) -> None:
    shop = program("intake")
    number = shop.post("requests/", REQUEST | {"text": "我張單去咗邊？"}).json()["case"]
    assert shop.get(f"cases/{number}/").json()["told"] == "我們已收到你的請求，正在處理。"


def test_another_shop_is_told_nothing(world: World) -> None:
    number = program("intake").post("requests/", REQUEST).json()["case"]
    assert program("intake").get(f"cases/{number}/").status_code == 404


def test_it_can_take_the_request_back(world: World) -> None:
    shop = program("intake")
    number = shop.post("requests/", REQUEST).json()["case"]
    answer = shop.post(f"cases/{number}/close/", {"outcome": "No longer needed"})
    assert answer.status_code == 200
    assert answer.json()["told"].startswith("You took this request back")
    assert Case.objects.get(pk=int(number[2:])).outcome == "withdrawn"
