"""Time-ordered ids, the order of payout query ids, and monthly partitions."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NEXT_ID = """
CREATE FUNCTION next_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT ((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1735689600000) << 22
         | (nextval('id_sequence') & 4194303)
$$
"""

FIRST_ID = """
CREATE FUNCTION first_id_at(moment timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT ((extract(epoch FROM moment) * 1000)::bigint - 1735689600000) << 22
$$
"""

# Partitions of one month for every table that is cut by the time of its id. The unique index of
# bet keys cannot span partitions, so each has its own.
MAKE_MONTH = """
CREATE FUNCTION make_month(month date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  part text := to_char(month, '"p"YYYY"_"MM');
  low bigint := first_id_at(month::timestamp AT TIME ZONE 'UTC');
  high bigint := first_id_at((month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
  parent text;
  made integer := 0;
BEGIN
  IF month <> date_trunc('month', month)::date THEN
    RAISE EXCEPTION 'not the first of a month: %', month;
  END IF;
  FOREACH parent IN ARRAY ARRAY['transfers', 'bet_keys', 'rounds'] LOOP
    IF to_regclass(parent || '_' || part) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)',
                     parent || '_' || part, parent, low, high);
      made := made + 1;
      IF parent = 'bet_keys' THEN
        EXECUTE format('CREATE UNIQUE INDEX %I ON %I (scope, reference)',
                       'uq_' || parent || '_' || part, parent || '_' || part);
      END IF;
    END IF;
  END LOOP;
  RETURN made;
END
$$
"""


def upgrade() -> None:
    """Create the functions."""
    op.execute("CREATE SEQUENCE id_sequence")
    op.execute(NEXT_ID)
    op.execute(FIRST_ID)
    op.execute(MAKE_MONTH)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP FUNCTION make_month(date)")
    op.execute("DROP FUNCTION first_id_at(timestamptz)")
    op.execute("DROP FUNCTION next_id()")
    op.execute("DROP SEQUENCE id_sequence")
