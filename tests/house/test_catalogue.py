"""Every text a person reads stands in the catalogue of Traditional Chinese, translated."""

from orchestrator import catalogues


def test_no_text_is_missing_in_the_catalogue() -> None:
    assert catalogues.faults() == []
