"""The catalogue tool: it finds texts in code and templates, and says what is missing."""

from pathlib import Path

import pytest
from django.conf import settings

from orchestrator import catalogues

PO = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "Take over"
msgstr "接手"

msgid "Hand back"
msgstr ""

msgid "%(count)s cases"
msgstr "%(number)s 個個案"
"""


@pytest.fixture
def project(tmp_path: Path, settings: object) -> Path:
    settings.BASE_DIR = tmp_path  # type: ignore[attr-defined]
    settings.LOCALE_PATHS = [tmp_path / "locale"]  # type: ignore[attr-defined]
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "views.py").write_text(
        'from django.utils.translation import gettext as _\nA = _("Take over")\nB = _("Hand " "back")\n'
    )
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(
        '{% load i18n %}<h1 title="it\'s (odd">{% translate "My work" %}</h1>'
        "{% blocktranslate count count=n %}{{ count }} case{% plural %}"
        "{{ count }} cases{% endblocktranslate %}"
        "{% blocktranslate trimmed %}\n One\n two {% endblocktranslate %}"
    )
    catalogue = catalogues.path_of_catalogue()
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(PO)
    return tmp_path


def test_texts_of_code_and_templates_are_collected(project: Path) -> None:
    found = {message.id for message in catalogues.collected() if message.id}
    assert found == {"Take over", "Hand back", "My work", ("%(count)s case", "%(count)s cases"), "One two"}


def test_missing_and_untranslated_texts_are_faults(project: Path) -> None:
    faults = "\n".join(catalogues.faults())
    assert "cases/views.py: not translated: 'Hand back'" in faults
    assert "templates/page.html: not in the catalogue: 'My work'" in faults
    assert "Take over" not in faults


def test_other_placeholders_in_a_translation_are_a_fault(project: Path) -> None:
    (project / "cases" / "views.py").write_text('A = _("%(count)s cases")\n')
    assert any("other placeholders" in fault for fault in catalogues.faults())


def test_updating_adds_texts_and_keeps_translations(project: Path) -> None:
    catalogues.update()
    assert catalogues.translated().get("Take over").string == "接手"
    assert catalogues.translated().get("My work") is not None
    assert catalogues.translated().get("%(count)s cases") is None, "texts that are gone go"
    assert str(project) not in catalogues.path_of_catalogue().read_text()


def test_compiling_makes_a_catalogue_that_python_reads(project: Path) -> None:
    import gettext

    catalogues.compile_all()
    with catalogues.path_of_catalogue().with_suffix(".mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Take over") == "接手"
    assert settings.LANGUAGE_CODE == "en"
