"""Case numbers in addresses: `C-1042` there, 1042 here."""


class CaseNumber:
    """Path converter for case numbers; anything else is no address of ours."""

    regex = "[Cc]-[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value[2:])

    def to_url(self, value: int | str) -> str:
        return f"C-{int(value)}"
