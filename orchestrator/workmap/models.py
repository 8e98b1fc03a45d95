"""How records of the map were written: their order and the words of their author, for `dump_map`.

What is in force are the rows of the floors below; nothing is ever decided by what stands here.
"""

from django.db import models


class MapRecord(models.Model):
    """One record as it was last written in a map file. Used by a dump as long as it still says what is in force."""

    what = models.CharField(max_length=20)
    name = models.CharField(max_length=260)
    position = models.PositiveIntegerField()
    said = models.TextField()  # JSON text: jsonb would lose the order of keys

    class Meta:
        constraints = [models.UniqueConstraint(fields=["what", "name"], name="map_record_once")]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.what} {self.name}".strip()
