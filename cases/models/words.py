"""What a case is found by. Triggers keep it up in the very write that changes a case (migration `0006_words`)."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.models.running import Case


class CaseWords(models.Model):
    """The words of one case's sentence, requester and facts: whole words of letters and digits, every two neighbours
    of Chinese, Japanese and Korean writing, phone numbers by their last eight digits. Nothing writes it but triggers.
    """

    case = models.OneToOneField(Case, on_delete=models.CASCADE, primary_key=True, related_name="words")
    words = SearchVectorField()

    class Meta:
        verbose_name = _("words of a case")
        verbose_name_plural = _("words of cases")
        indexes = [
            # search, the case list's filter by words, and `q` of the API; its pending list is short, as each reads it
            GinIndex(fields=["words"], name="case_words", gin_pending_list_limit=256),
        ]

    def __str__(self) -> str:
        return str(self.case_id)
