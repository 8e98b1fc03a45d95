"""What a person chooses on the settings page, and what an admin sees of it."""

from django.test import Client

from orchestrator.notices.models import MailChoice
from tests.world import World

SENT = {"language": "en", "theme": "system", "keys": "on", "hold_seconds": "0"}


def test_a_person_chooses_their_mails(world: World) -> None:
    client = Client()
    client.force_login(world.manager)
    page = client.get("/settings/").content.decode()
    assert 'value="at_once" selected' in page
    assert client.post("/settings/", SENT | {"mails": "none"}).status_code == 302
    assert 'value="none" selected' in client.get("/settings/").content.decode()
    assert client.post("/settings/", SENT | {"mails": "everything"}).status_code == 422
    assert MailChoice.objects.get().mode == "none"


def test_an_admin_sees_choices_and_what_was_told(world: World) -> None:
    MailChoice.objects.create(user=world.manager, mode="digest")
    client = Client()
    client.force_login(world.admin)
    assert "may.lee" in client.get("/admin/notices/mailchoice/").content.decode()
    assert client.get("/admin/notices/notice/").status_code == 200
