"""Trained sorters, kept in PostgreSQL as versioned arrays so that no machine's disk has state."""

from django.db import models


class Sorter(models.Model):
    """One training. `arrays` is numpy's own format, read without pickle; `trained_from` is a digest of its input,
    `map_digest` of the part that comes from the map."""

    created_at = models.DateTimeField()
    trained_from = models.CharField(max_length=64, unique=True)
    map_digest = models.CharField(max_length=64, db_index=True)
    examples = models.PositiveIntegerField()
    types = models.PositiveIntegerField()
    arrays = models.BinaryField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.pk}: {self.types} types, {self.examples} examples"
