"""Signed receipts: keys, roots, trees, each round's leaf, and what waits to be signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Partitions of one month for every table that is cut by the time of its id, found in the catalogue
# so that a new table needs no new function. The unique index of bet keys cannot span partitions,
# so each has its own.
MAKE_MONTH = """
CREATE OR REPLACE FUNCTION make_month(month date) RETURNS integer LANGUAGE plpgsql AS $$
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
  FOR parent IN
    SELECT relname FROM pg_class
    WHERE relkind = 'p' AND relnamespace = current_schema()::regnamespace ORDER BY relname
  LOOP
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

MAKE_MONTH_BEFORE = MAKE_MONTH.replace(
    """FOR parent IN
    SELECT relname FROM pg_class
    WHERE relkind = 'p' AND relnamespace = current_schema()::regnamespace ORDER BY relname
  LOOP""",
    "FOREACH parent IN ARRAY ARRAY['transfers', 'bet_keys', 'rounds'] LOOP",
)

# Every month that rounds have, for the tables that are new.
MAKE_MONTHS = """
SELECT make_month(to_date(right(c.relname, 7), 'YYYY_MM'))
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'rounds'::regclass
"""

# A round of several steps settles long after its id was made, where the signer no longer looks for
# new rounds; its end puts it into the queue in the same transaction. Instant rounds are inserted
# settled and never come here.
QUEUE_RECEIPTS = """
CREATE FUNCTION queue_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO receipts_waiting (round_id)
  SELECT id FROM changed WHERE receipt_hash IS NOT NULL
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$
"""

QUEUE_TRIGGER = """
CREATE TRIGGER queue_receipts AFTER UPDATE ON rounds
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_receipts()
"""


def upgrade() -> None:
    """Make the tables, their partitions, the queue's trigger and the first row of progress."""
    op.create_table(
        "receipt_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_keys")),
    )
    op.create_table(
        "receipt_roots",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("second", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous_root", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("count > 0", name=op.f("ck_receipt_roots_count")),
        sa.ForeignKeyConstraint(
            ["key_id"], ["receipt_keys.id"], name=op.f("fk_receipt_roots_key_id_receipt_keys")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_roots")),
        sa.UniqueConstraint("previous_root", name=op.f("uq_receipt_roots_previous_root")),
    )
    op.create_table(
        "receipt_trees",
        sa.Column("root_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("nodes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("root_id", name=op.f("pk_receipt_trees")),
        postgresql_partition_by="RANGE (root_id)",
    )
    # Hashes do not compress, and only a stored-as-is value can be read in slices.
    op.execute("ALTER TABLE receipt_trees ALTER COLUMN nodes SET STORAGE EXTERNAL")
    op.create_table(
        "receipt_paths",
        sa.Column("round_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root_id", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_receipt_paths")),
        postgresql_partition_by="RANGE (round_id)",
    )
    op.create_table(
        "receipts_waiting",
        sa.Column("round_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_receipts_waiting")),
    )
    op.create_table(
        "receipt_progress",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("signed_below", sa.BigInteger(), nullable=False),
        sa.Column("swept_below", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_progress")),
    )
    op.execute("INSERT INTO receipt_progress (id, signed_below, swept_below) VALUES (1, 0, 0)")
    op.execute(MAKE_MONTH)
    op.execute(MAKE_MONTHS)
    op.execute(QUEUE_RECEIPTS)
    op.execute(QUEUE_TRIGGER)


def downgrade() -> None:
    """Drop them; signatures are lost, the receipts' own hashes stay."""
    op.execute("DROP TRIGGER queue_receipts ON rounds")
    op.execute("DROP FUNCTION queue_receipts()")
    op.execute(MAKE_MONTH_BEFORE)
    op.drop_table("receipt_progress")
    op.drop_table("receipts_waiting")
    op.drop_table("receipt_paths")
    op.drop_table("receipt_trees")
    op.drop_table("receipt_roots")
    op.drop_table("receipt_keys")
