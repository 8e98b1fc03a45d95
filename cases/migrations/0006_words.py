"""What cases are found by: the table, and the triggers that keep it up in the write that changes a case.

Core PostgreSQL only. `words_in` takes a text apart, `words_wanted` makes a question of what somebody typed; both cut
alike, so that whatever is typed whole is found. Letters and digits are found by how a word begins, Chinese by any two
neighbours (one character by itself finds where it stands), phone numbers with or without the country's.

And the index of the cases that no roll-up of the reports counts.
"""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

LETTERS = r"a-z0-9\u00aa-\u02af\u0370-\u1fff"
NO_SPACES = r"\u2e80-\u2fff\u3005-\u3007\u3040-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"  # between words

FORWARD = rf"""
CREATE FUNCTION words_in(input text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  WITH said AS MATERIALIZED (SELECT lower(normalize(left(input, 20000), NFKC)) AS said),
  found (word) AS (
    SELECT left(run[1], 60) FROM said, regexp_matches(said, '[{LETTERS}]+', 'g') run
    UNION ALL
    SELECT right(regexp_replace(run[1], '[^0-9]', '', 'g'), 8)
    FROM said, regexp_matches(said, '[0-9][0-9 ()-]{{6,20}}[0-9]', 'g') run
    UNION ALL  -- other numbers may stand beside it: eight digits from where a group of them begins, or to its end
    SELECT left(regexp_replace(substr(run[1], n), '[^0-9]', '', 'g'), 8)
    FROM said, regexp_matches(said, '[0-9][0-9 ()-]{{6,20}}[0-9]', 'g') run, generate_series(1, length(run[1])) n
    WHERE substr(' ' || run[1], n, 2) ~ '[^0-9][0-9]'
    UNION ALL
    SELECT right(run[1], 8) FROM said, regexp_matches(said, '[0-9]{{9,20}}', 'g') run
    UNION ALL
    SELECT substr(run[1], n, 2)
    FROM said, regexp_matches(said, '[{NO_SPACES}]+', 'g') run, generate_series(1, length(run[1])) n
  )
  SELECT array_to_tsvector(coalesce(array_agg(word), '{{}}')) FROM found
$$;

CREATE FUNCTION words_wanted(input text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  WITH said AS MATERIALIZED (SELECT lower(normalize(left(btrim(input), 200), NFKC)) AS said),
  wanted (lexeme) AS (
    SELECT '(''' || digits || ''':*|''' || right(digits, 8) || ''':*)'
    FROM (SELECT regexp_replace(said, '[^0-9]', '', 'g') AS digits FROM said
      WHERE said ~ '^[+]?[0-9][0-9 ()-]{{6,20}}[0-9]$') phone
    UNION ALL
    SELECT '''' || left(run[1], 60) || ''':*'
    FROM said, regexp_matches(said, '[{LETTERS}]+', 'g') run WHERE said !~ '^[+]?[0-9][0-9 ()-]{{6,20}}[0-9]$'
    UNION ALL
    SELECT '''' || substr(run[1], n, 2) || CASE WHEN length(run[1]) = 1 THEN ''':*' ELSE '''' END
    FROM said, regexp_matches(said, '[{NO_SPACES}]+', 'g') run,
      generate_series(1, greatest(length(run[1]) - 1, 1)) n
  )
  SELECT string_agg(lexeme, ' & ')::tsquery FROM (SELECT lexeme FROM wanted LIMIT 20) first
$$;

-- The planner guesses one row in fifty for any beginning of a word, and would read the whole table for it. Volatile in
-- name only: a stable function is worked out while planning too, to guess how many rows there will be.
CREATE FUNCTION cases_with_words(wanted tsquery, most integer) RETURNS bigint[]
LANGUAGE sql VOLATILE SET enable_seqscan = off AS $$
  SELECT ARRAY(SELECT case_id FROM cases_casewords WHERE words @@ wanted ORDER BY case_id + 0 DESC LIMIT most)
$$;

CREATE FUNCTION words_of_case(subject text, requester text, contact text, customer text, external text, facts jsonb)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT words_in(concat_ws(E'\n', subject, requester, contact, customer, external, (
    SELECT string_agg(value #>> '{{}}', E'\n')
    FROM jsonb_path_query(facts, '$.*.value.** ? (@.type() == "string" || @.type() == "number")') value)))
$$;

CREATE FUNCTION case_words_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO cases_casewords (case_id, words)
  VALUES (NEW.id, words_of_case(
    NEW.subject, NEW.requester_name, NEW.contact, NEW.customer, NEW.external_id, NEW.facts))
  ON CONFLICT (case_id) DO UPDATE SET words = excluded.words
  WHERE cases_casewords.words IS DISTINCT FROM excluded.words;
  RETURN NULL;
END $$;

CREATE TRIGGER case_words_of_new AFTER INSERT ON cases_case
  FOR EACH ROW EXECUTE FUNCTION case_words_are_kept();
CREATE TRIGGER case_words_of_changed AFTER UPDATE OF subject, requester_name, contact, customer, external_id, facts
  ON cases_case FOR EACH ROW
  WHEN ((OLD.subject, OLD.requester_name, OLD.contact, OLD.customer, OLD.external_id, OLD.facts)
        IS DISTINCT FROM
        (NEW.subject, NEW.requester_name, NEW.contact, NEW.customer, NEW.external_id, NEW.facts))
  EXECUTE FUNCTION case_words_are_kept();

INSERT INTO cases_casewords (case_id, words)
SELECT id, words_of_case(subject, requester_name, contact, customer, external_id, facts) FROM cases_case;
"""  # noqa: S608  # our own constants

BACKWARD = """
DROP TRIGGER case_words_of_new ON cases_case;
DROP TRIGGER case_words_of_changed ON cases_case;
DROP FUNCTION case_words_are_kept();
DROP FUNCTION words_of_case(text, text, text, text, text, jsonb);
DROP FUNCTION cases_with_words(tsquery, integer);
DROP FUNCTION words_wanted(text);
DROP FUNCTION words_in(text);
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0005_step_up")]

    operations = [
        migrations.CreateModel(
            name="CaseWords",
            fields=[
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="words",
                        serialize=False,
                        to="cases.case",
                    ),
                ),
                ("words", django.contrib.postgres.search.SearchVectorField()),
            ],
            options={"verbose_name": "words of a case", "verbose_name_plural": "words of cases"},
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddIndex(
            model_name="casewords",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["words"], gin_pending_list_limit=256, name="case_words"
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                models.F("created_at"),
                condition=models.Q(("type__isnull", True), ("confidential", True), _connector="OR"),
                name="case_apart",
            ),
        ),
    ]
