"""Who may see which record, kept by the database itself; and every change of an account.

Revision: 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None

LEVELLED = (
    "records",
    "superseded_records",
    "batch_records",
    "tasks",
    "reviews",
    "outcomes",
    "participations",
    "gold_answers",
    "dataset_versions",
)
GUARDED = tuple(name for name in LEVELLED if name != "dataset_versions")
"""What a version is made of is told to all who see datasets; its files are what takes clearance."""

# Asked once a statement, not once a row.
CLEARANCE = (
    "(SELECT coalesce(nullif(current_setting('labelwright.clearance', true), ''), '0')::int)"
)
OF_TASK = "EXISTS (SELECT 1 FROM tasks t WHERE t.task_id = {table}.task_id)"
BY_OTHERS = {"task_skips": OF_TASK, "task_directions": OF_TASK}
"""Rows that are about a task and bear no level of their own: few are ever looked at together."""

# What the words mean at this revision; later ones are `domain/access.py`'s to say.
LEVEL_OF_WORD = """
CREATE FUNCTION pg_temp.level_of(said json, meanings jsonb, numbers boolean) RETURNS int
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  written text := btrim(said #>> '{}');
  word text := btrim(regexp_replace(lower(said #>> '{}'), '[\\s_-]+', '_', 'g'), '_');
BEGIN
  IF said IS NULL OR json_typeof(said) = 'null' OR said::text = 'false' THEN RETURN 0; END IF;
  IF json_typeof(said) = 'string' AND word = '' THEN RETURN 0; END IF;
  IF json_typeof(said) = 'string' AND meanings ? word THEN RETURN (meanings ->> word)::int; END IF;
  IF numbers AND json_typeof(said) IN ('string', 'number')
     AND written ~ '^[+]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?$' THEN
    RETURN CASE WHEN written::float8 <= 0.25 THEN 0 WHEN written::float8 <= 0.5 THEN 1
                WHEN written::float8 <= 0.75 THEN 2 ELSE 3 END;
  END IF;
  RETURN 3;
END $$;

CREATE FUNCTION pg_temp.level_of(metadata text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
  -- PostgreSQL has no text with NUL, so it cannot read what such a value says.
  SELECT CASE WHEN position('\\u0000' in metadata) > 0 THEN 3 ELSE greatest(
    pg_temp.level_of(metadata::json -> 'sensitivity', '{"public": 0, "internal": 1,
      "confidential": 2, "restricted": 3, "none": 0, "low": 0, "medium": 1, "high": 2,
      "critical": 3}', true),
    pg_temp.level_of(metadata::json -> 'usage_restriction', '{"public": 0, "internal": 1,
      "confidential": 2, "restricted": 3, "none": 0, "unrestricted": 0, "no_training": 1,
      "licence_expired": 1, "internal_only": 1, "embargoed": 2, "personal": 3, "legal_hold": 3,
      "no_use": 3}', false)) END
$$;
"""

# A batch's record has the highest level of what the round selected and what the record is now.
BATCH_LEVELS = """
UPDATE batch_records b SET level = greatest(
  coalesce((SELECT max(r.level) FROM records r
            WHERE r.pool_id = o.pool_id AND r.record_id = b.record_id), 0),
  coalesce((SELECT max(s.level) FROM superseded_records s
            WHERE s.pool_id = o.pool_id AND s.record_id = b.record_id
              AND s.content_digest = b.content_digest), 0))
FROM rounds o WHERE o.round_id = b.round_id
"""

# Each runs with the rights of the tables' owner: what it copies from may be hidden from who writes.
TRIGGERS = """
CREATE FUNCTION labelwright_batch_level() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  pool text := (SELECT pool_id FROM rounds WHERE round_id = NEW.round_id);
  -- What the round selected, at the least: its metadata may have been imported anew meanwhile.
  pinned int; highest int; wanted int; checked boolean;
BEGIN
  SELECT min(level) FILTER (WHERE content_digest = NEW.content_digest), max(level)
    INTO pinned, highest
    FROM (SELECT level, content_digest FROM records
            WHERE pool_id = pool AND record_id = NEW.record_id
          UNION ALL
          SELECT level, content_digest FROM superseded_records
            WHERE pool_id = pool AND record_id = NEW.record_id
              AND content_digest = NEW.content_digest) versions;
  NEW.level := greatest(NEW.level, coalesce(highest, 0));
  SELECT clearance, by_level INTO wanted, checked FROM lanes
    WHERE round_id = NEW.round_id AND lane = NEW.lane;
  IF checked AND wanted < coalesce(pinned, NEW.level) THEN
    RAISE EXCEPTION 'a record is above the clearance of lane %', NEW.lane
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_batch_records_lane_is_cleared';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER level BEFORE INSERT OR UPDATE OF lane ON batch_records
  FOR EACH ROW EXECUTE FUNCTION labelwright_batch_level();

CREATE FUNCTION labelwright_level_of_batch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  -- Of a record that nobody knows, a review may have been refused: nobody knows its level either.
  NEW.level := coalesce((SELECT level FROM batch_records
    WHERE round_id = NEW.round_id AND record_id = NEW.record_id), 3);
  RETURN NEW;
END $$;
CREATE TRIGGER level BEFORE INSERT ON tasks
  FOR EACH ROW EXECUTE FUNCTION labelwright_level_of_batch();
CREATE TRIGGER level BEFORE INSERT ON reviews
  FOR EACH ROW EXECUTE FUNCTION labelwright_level_of_batch();
CREATE TRIGGER level BEFORE INSERT ON outcomes
  FOR EACH ROW EXECUTE FUNCTION labelwright_level_of_batch();
CREATE TRIGGER level BEFORE INSERT ON participations
  FOR EACH ROW EXECUTE FUNCTION labelwright_level_of_batch();

CREATE FUNCTION labelwright_task_lane() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  own int; wanted int;
BEGIN
  -- The lane that the routing gave the record was checked; a task waits there or higher.
  SELECT l.clearance INTO own FROM batch_records b JOIN lanes l USING (round_id, lane)
    WHERE b.round_id = NEW.round_id AND b.record_id = NEW.record_id;
  SELECT clearance INTO wanted FROM lanes WHERE round_id = NEW.round_id AND lane = NEW.lane;
  IF wanted < least(own, NEW.level) THEN
    RAISE EXCEPTION 'a task is above the clearance of lane %', NEW.lane
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_tasks_lane_is_cleared';
  END IF;
  RETURN NEW;
END $$;
-- After `level` by name: PostgreSQL runs them in that order.
CREATE TRIGGER level_of_lane BEFORE INSERT OR UPDATE OF lane ON tasks
  FOR EACH ROW EXECUTE FUNCTION labelwright_task_lane();

CREATE FUNCTION labelwright_gold_level() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  NEW.level := coalesce(
    (SELECT level FROM batch_records
      WHERE round_id = NEW.round_id AND record_id = NEW.record_id),
    -- In a calibration the answer names no pool.
    (SELECT max(level) FROM records
      WHERE label IS NOT NULL AND role = 'gold' AND record_id = NEW.record_id), 3);
  RETURN NEW;
END $$;
CREATE TRIGGER level BEFORE INSERT ON gold_answers
  FOR EACH ROW EXECUTE FUNCTION labelwright_gold_level();

CREATE FUNCTION labelwright_dataset_level(round text, name text, parent int) RETURNS int
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT greatest(
    coalesce((SELECT level FROM dataset_versions WHERE dataset = name AND version = parent), 0),
    coalesce((SELECT max(level) FROM batch_records WHERE round_id = round), 0),
    coalesce((SELECT max(r.level) FROM records r JOIN rounds o USING (pool_id)
              WHERE o.round_id = round AND r.role IN ('train', 'test')), 0))
$$;
CREATE FUNCTION labelwright_version_level() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  NEW.level := labelwright_dataset_level(NEW.round_id, NEW.dataset, NEW.parent_version);
  RETURN NEW;
END $$;
CREATE TRIGGER level BEFORE INSERT ON dataset_versions
  FOR EACH ROW EXECUTE FUNCTION labelwright_version_level();

-- A record whose level is raised is hidden at once wherever it stands. One whose level is lowered
-- keeps the old one in the rounds that have selected it.
CREATE FUNCTION labelwright_level_raised() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  those text[] := ARRAY(SELECT b.round_id FROM batch_records b JOIN rounds o USING (round_id)
    WHERE o.pool_id = NEW.pool_id AND b.record_id = NEW.record_id);
BEGIN
  UPDATE superseded_records SET level = NEW.level
    WHERE pool_id = NEW.pool_id AND record_id = NEW.record_id AND level < NEW.level;
  UPDATE batch_records SET level = NEW.level
    WHERE round_id = ANY (those) AND record_id = NEW.record_id AND level < NEW.level;
  UPDATE tasks SET level = NEW.level
    WHERE round_id = ANY (those) AND record_id = NEW.record_id AND level < NEW.level;
  UPDATE reviews SET level = NEW.level
    WHERE round_id = ANY (those) AND record_id = NEW.record_id AND level < NEW.level;
  UPDATE outcomes SET level = NEW.level
    WHERE round_id = ANY (those) AND record_id = NEW.record_id AND level < NEW.level;
  UPDATE participations SET level = NEW.level
    WHERE round_id = ANY (those) AND record_id = NEW.record_id AND level < NEW.level;
  IF OLD.role = 'gold' OR NEW.role = 'gold' OR cardinality(those) > 0 THEN
    UPDATE gold_answers SET level = NEW.level
      WHERE record_id = NEW.record_id AND level < NEW.level
        AND (round_id = ANY (those) OR round_id IS NULL);
  END IF;
  UPDATE dataset_versions d SET level = NEW.level
    FROM (SELECT v.dataset, min(v.version) AS first
          FROM dataset_versions v JOIN rounds o USING (round_id) WHERE o.pool_id = NEW.pool_id
            AND (o.round_id = ANY (those) OR OLD.role IN ('train', 'test')) GROUP BY v.dataset) held
    WHERE d.dataset = held.dataset AND d.version >= held.first AND d.level < NEW.level;
  RETURN NULL;
END $$;
CREATE TRIGGER level_raised AFTER UPDATE OF level ON records
  FOR EACH ROW WHEN (NEW.level > OLD.level) EXECUTE FUNCTION labelwright_level_raised();

CREATE FUNCTION labelwright_account_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  after jsonb := jsonb_build_object('roles', NEW.roles, 'disabled', NEW.disabled_at IS NOT NULL);
  before jsonb;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    before := jsonb_build_object('roles', OLD.roles, 'disabled', OLD.disabled_at IS NOT NULL);
    IF before = after THEN RETURN NULL; END IF;
  END IF;
  INSERT INTO account_changes (account_id, changed_by, reason, before, after) VALUES (
    NEW.account_id,
    coalesce(nullif(current_setting('labelwright.actor', true), ''), 'system'),
    coalesce(current_setting('labelwright.reason', true), ''), before, after);
  RETURN NULL;
END $$;
CREATE TRIGGER noted AFTER INSERT OR UPDATE OF roles, disabled_at ON accounts
  FOR EACH ROW EXECUTE FUNCTION labelwright_account_changed();

CREATE FUNCTION labelwright_only_added_to() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'table % is only ever added to', TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON account_changes
  FOR EACH STATEMENT EXECUTE FUNCTION labelwright_only_added_to();
CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON profile_changes
  FOR EACH STATEMENT EXECUTE FUNCTION labelwright_only_added_to();
"""
FUNCTIONS = (
    "labelwright_batch_level()",
    "labelwright_level_of_batch()",
    "labelwright_task_lane()",
    "labelwright_gold_level()",
    "labelwright_version_level()",
    "labelwright_dataset_level(text, text, int)",
    "labelwright_level_raised()",
    "labelwright_account_changed()",
    "labelwright_only_added_to()",
)

# Nobody loses sight of anything by the upgrade: whoever could see rounds saw every record.
WHO_SAW_EVERYTHING = """
WITH seeing AS (
  SELECT a.account_id, coalesce(p.clearance, 0) AS before
  FROM accounts a LEFT JOIN profiles p USING (account_id)
  WHERE a.roles && ARRAY['requester', 'approver', 'auditor', 'admin']
    AND coalesce(p.clearance, 0) < 3
), noted AS (
  INSERT INTO profile_changes (account_id, changed_by, changed_at, reason, before, after)
  SELECT account_id, 'system', now(),
    'saw every record before records had levels: lower it where it need not be',
    jsonb_build_object('clearance',
      (ARRAY['public', 'internal', 'confidential', 'restricted'])[before + 1]),
    jsonb_build_object('clearance', 'restricted')
  FROM seeing
)
INSERT INTO profiles (account_id, expertise, languages, clearance, absences, updated_at)
SELECT account_id, '{}', '{}', 3, '[]', now() FROM seeing
ON CONFLICT (account_id) DO UPDATE SET clearance = 3, updated_at = now()
"""


def upgrade() -> None:
    for name in LEVELLED:
        op.add_column(
            name, sa.Column("level", sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
    _level_what_is_there()
    for name in LEVELLED:
        op.create_check_constraint(op.f(f"ck_{name}_level"), name, "level BETWEEN 0 AND 3")
    # A row that does not say which level it has is one that nobody has looked at.
    for name in ("records", "superseded_records"):
        op.alter_column(name, "level", server_default="3")
    # Lanes of rounds that were routed before may hold records above their clearance.
    op.add_column(
        "lanes", sa.Column("by_level", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.alter_column("lanes", "by_level", server_default=sa.true())
    op.add_column(
        "imports",
        sa.Column("unknown_words", postgresql.JSONB(), server_default="[]", nullable=False),
    )
    op.create_table(
        "account_changes",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_account_changes_account_id")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_account_changes")),
    )
    op.create_index(
        "ix_account_changes_account_id_change_id", "account_changes", ["account_id", "change_id"]
    )
    op.execute(WHO_SAW_EVERYTHING)
    _make_triggers()
    for name in (*GUARDED, *BY_OTHERS):
        op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    for name in GUARDED:
        op.execute(f"CREATE POLICY cleared ON {name} USING (level <= {CLEARANCE})")
    for name, condition in BY_OTHERS.items():
        op.execute(f"CREATE POLICY cleared ON {name} USING ({condition.format(table=name)})")


def _make_triggers() -> None:
    """Temporary tables come last for them: nobody puts one of the same name before a table."""
    connection = op.get_bind()
    before = connection.scalar(sa.text("SELECT current_setting('search_path')"))
    schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
    say = sa.text("SELECT set_config('search_path', :path, true)")
    connection.execute(say, {"path": f"{schema}, pg_temp"})
    op.execute(TRIGGERS)
    connection.execute(say, {"path": before})


def _level_what_is_there() -> None:
    op.execute(LEVEL_OF_WORD)
    for name in ("records", "superseded_records"):
        # Rows without either word stay as they are, and are not written anew.
        op.execute(
            f"UPDATE {name} SET level = pg_temp.level_of(metadata)"  # noqa: S608 -- our own names
            " WHERE metadata LIKE '%sensitivity%' OR metadata LIKE '%usage_restriction%'"
        )
    op.execute(BATCH_LEVELS)
    for name in ("tasks", "reviews", "outcomes", "participations", "gold_answers"):
        op.execute(
            f"UPDATE {name} x SET level = b.level FROM batch_records b"  # noqa: S608
            " WHERE b.round_id = x.round_id AND b.record_id = x.record_id AND b.level > 0"
        )
    op.execute(
        "UPDATE gold_answers g SET level = r.level FROM records r WHERE g.round_id IS NULL"
        " AND r.role = 'gold' AND r.record_id = g.record_id AND r.level > g.level"
    )
    # In the order of versions, each with what its parents hold.
    op.execute(
        "UPDATE dataset_versions d SET level = greatest("
        " (SELECT coalesce(max(b.level), 0) FROM dataset_versions v JOIN batch_records b"
        "  USING (round_id) WHERE v.dataset = d.dataset AND v.version <= d.version),"
        " (SELECT coalesce(max(r.level), 0) FROM dataset_versions v JOIN rounds o USING (round_id)"
        "  JOIN records r USING (pool_id) WHERE v.dataset = d.dataset AND v.version <= d.version"
        "  AND r.role IN ('train', 'test')))"
    )


def downgrade() -> None:
    for name in (*GUARDED, *BY_OTHERS):
        op.execute(f"DROP POLICY cleared ON {name}")
        op.execute(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function} CASCADE")
    op.drop_table("account_changes")
    op.drop_column("imports", "unknown_words")
    op.drop_column("lanes", "by_level")
    for name in LEVELLED:
        op.drop_column(name, "level")
