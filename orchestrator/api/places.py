"""Parts of addresses: case numbers, ids and step names. What does not fit is answered as not found."""

from django.urls.converters import UUIDConverter


class CaseNumber:
    """`C-1042` as the id 1042."""

    regex = "C-[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value.removeprefix("C-"))

    def to_url(self, value: int | str) -> str:
        return value if isinstance(value, str) else f"C-{value}"


class RowId:
    regex = "[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class StepName:
    """A name of the map; never U+0000, which no database text can hold."""

    regex = "[^/\x00]{1,120}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class Uuid(UUIDConverter):
    """Upper and lower case alike, as the document's `format: uuid` says."""

    regex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
