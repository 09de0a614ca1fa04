"""Every table of the house."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "before", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "after", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_action"), "audit_log", ["action"], unique=False)
    op.create_index(op.f("ix_audit_log_actor"), "audit_log", ["actor"], unique=False)
    op.create_index(op.f("ix_audit_log_subject"), "audit_log", ["subject"], unique=False)
    op.create_table(
        "bet_keys",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("scope", "reference", "entry_id", name=op.f("pk_bet_keys")),
        postgresql_partition_by="RANGE (entry_id)",
    )
    op.create_table(
        "cashier_terms",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("level_0_lifetime", sa.BigInteger(), nullable=False),
        sa.Column("level_1_month", sa.BigInteger(), nullable=False),
        sa.Column("second_person_above", sa.BigInteger(), nullable=False),
        sa.Column("order_valid_hours", sa.SmallInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "level_0_lifetime >= 0 AND level_1_month >= 0", name=op.f("ck_cashier_terms_ceilings")
        ),
        sa.CheckConstraint(
            "order_valid_hours BETWEEN 1 AND 720", name=op.f("ck_cashier_terms_order_valid_hours")
        ),
        sa.CheckConstraint(
            "second_person_above >= 0", name=op.f("ck_cashier_terms_second_person_above")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cashier_terms")),
    )
    op.create_table(
        "chain_balances",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("book_units", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alerted_units", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("rail", name=op.f("pk_chain_balances")),
    )
    op.create_table(
        "chain_cursors",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("lt", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chain", "account", name=op.f("pk_chain_cursors")),
    )
    op.create_table(
        "flags",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_flags")),
    )
    op.create_table(
        "game_terms",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("game", sa.Text(), nullable=False),
        sa.Column("asset", sa.SmallInteger(), nullable=False),
        sa.Column("stake_min", sa.BigInteger(), nullable=False),
        sa.Column("stake_max", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_game_terms")),
    )
    op.create_index(op.f("ix_game_terms_game"), "game_terms", ["game"], unique=False)
    op.create_table(
        "house_exposure",
        sa.Column("asset", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("open_units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_house_exposure")),
    )
    op.create_table(
        "house_rollups",
        sa.Column("account", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("upto_entry_id", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "asset", name=op.f("pk_house_rollups")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "available_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_inbox_source_external_id")),
    )
    op.create_index(
        "ix_inbox_waiting",
        "inbox",
        ["source", "key", "id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "ledger_players",
        sa.Column("player_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("player_id", name=op.f("pk_ledger_players")),
    )
    op.create_table(
        "money_keys",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_money_keys")),
        sa.UniqueConstraint("scope", "reference", name=op.f("uq_money_keys_scope_reference")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "written_by",
            sa.Text(),
            server_default=sa.text("pg_current_xact_id()::text"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "available_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["consumer", "key", "id"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "payouts",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("query_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=True),
        sa.Column("message_hash", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broadcast_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(signed IS NULL) = (message_hash IS NULL)", name=op.f("ck_payouts_message_hash")
        ),
        sa.CheckConstraint(
            "(signed IS NULL) = (signed_at IS NULL)", name=op.f("ck_payouts_signed")
        ),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_payouts_lifetime")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint(
            "rail", "query_id", "created_at", name=op.f("uq_payouts_rail_query_id_created_at")
        ),
    )
    op.create_index(
        "ix_payouts_open",
        "payouts",
        ["rail", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "player_keys",
        sa.Column("player_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_version", sa.SmallInteger(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("player_id", name=op.f("pk_player_keys")),
    )
    op.create_table(
        "players",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("kyc_level", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("terms_version", sa.Text(), nullable=True),
        sa.Column("referral", sa.Text(), nullable=True),
        sa.Column("unreachable_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cooling_off_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("excluded_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "excluded_for_life", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("proofs_refused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'blocked', 'closed')", name=op.f("ck_players_status")
        ),
        sa.CheckConstraint("kyc_level BETWEEN 0 AND 2", name=op.f("ck_players_kyc_level")),
        sa.CheckConstraint("telegram_id > 0", name=op.f("ck_players_telegram_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_players")),
        sa.UniqueConstraint("telegram_id", name=op.f("uq_players_telegram_id")),
    )
    op.create_table(
        "rails",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("asset", sa.SmallInteger(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("deposit_min", sa.BigInteger(), nullable=False),
        sa.Column("withdrawal_min", sa.BigInteger(), nullable=False),
        sa.Column("withdrawal_fee", sa.BigInteger(), nullable=False),
        sa.Column("explorer_tx_url", sa.Text(), nullable=False),
        sa.Column("confirmations_text_key", sa.Text(), nullable=False),
        sa.Column("deposits_enabled", sa.Boolean(), nullable=False),
        sa.Column("withdrawals_enabled", sa.Boolean(), nullable=False),
        sa.Column("last_query_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("deposit_min > 0", name=op.f("ck_rails_deposit_min")),
        sa.CheckConstraint("withdrawal_fee >= 0", name=op.f("ck_rails_withdrawal_fee")),
        sa.CheckConstraint("withdrawal_min > withdrawal_fee", name=op.f("ck_rails_withdrawal_min")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rails")),
    )
    op.create_table(
        "rates",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("asset", sa.SmallInteger(), nullable=False),
        sa.Column("numerator", sa.BigInteger(), nullable=False),
        sa.Column("denominator", sa.BigInteger(), nullable=False),
        sa.Column("quoted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rates")),
    )
    op.create_index(op.f("ix_rates_asset"), "rates", ["asset"], unique=False)
    op.create_table(
        "rounds",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("game", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("asset", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("stake", sa.BigInteger(), nullable=False),
        sa.Column("payout", sa.BigInteger(), nullable=False),
        sa.Column("choice", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("steps", postgresql.ARRAY(sa.Integer()), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("multiplier_n", sa.BigInteger(), nullable=False),
        sa.Column("multiplier_d", sa.BigInteger(), nullable=False),
        sa.Column("steps_allowed", sa.SmallInteger(), nullable=True),
        sa.Column("exposure", sa.BigInteger(), nullable=False),
        sa.Column("seed_pair_id", sa.BigInteger(), nullable=False),
        sa.Column("seed_nonce", sa.BigInteger(), nullable=False),
        sa.Column("receipt_hash", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_before", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('open', 'settled', 'void')", name=op.f("ck_rounds_status")),
        sa.CheckConstraint("stake > 0 AND payout >= 0", name=op.f("ck_rounds_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rounds")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "ix_rounds_open",
        "rounds",
        ["player_id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_rounds_player", "rounds", ["player_id", "id"], unique=False)
    op.create_table(
        "staff_members",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "roles <@ ARRAY['owner', 'payments', 'kyc', 'support', 'auditor']",
            name=op.f("ck_staff_members_roles"),
        ),
        sa.CheckConstraint("telegram_id > 0", name=op.f("ck_staff_members_telegram_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_members")),
        sa.UniqueConstraint("telegram_id", name=op.f("uq_staff_members_telegram_id")),
    )
    op.create_table(
        "transfers",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leg", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("debit_account", sa.SmallInteger(), nullable=False),
        sa.Column("credit_account", sa.SmallInteger(), nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_transfers_amount_positive")),
        sa.CheckConstraint(
            "debit_account <> credit_account", name=op.f("ck_transfers_two_accounts")
        ),
        sa.PrimaryKeyConstraint("entry_id", "leg", name=op.f("pk_transfers")),
        postgresql_partition_by="RANGE (entry_id)",
    )
    op.create_index("ix_transfers_player", "transfers", ["player_id", "entry_id"], unique=False)
    op.create_index("ix_transfers_subject", "transfers", ["subject_id"], unique=False)
    op.create_table(
        "address_uses",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("player_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("requests", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("payments", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_address_uses_player_id_players")
        ),
        sa.PrimaryKeyConstraint("rail", "destination", "player_id", name=op.f("pk_address_uses")),
    )
    op.create_index("ix_address_uses_player_id", "address_uses", ["player_id"], unique=False)
    op.create_table(
        "consents",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("terms_version", sa.Text(), nullable=False),
        sa.Column("of_age", sa.Boolean(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("of_age", name=op.f("ck_consents_of_age")),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_consents_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint(
            "player_id", "terms_version", name=op.f("uq_consents_player_id_terms_version")
        ),
    )
    op.create_table(
        "deposit_tags",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_deposit_tags_player_id_players")
        ),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_deposit_tags")),
        sa.UniqueConstraint("player_id", "rail", name=op.f("uq_deposit_tags_player_id_rail")),
    )
    op.create_table(
        "deposits",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("asset", sa.SmallInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("credited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference_units", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('seen', 'confirming', 'below_minimum', 'credited', 'held', 'returned', 'orphaned')",
            name=op.f("ck_deposits_status"),
        ),
        sa.CheckConstraint("units > 0", name=op.f("ck_deposits_units")),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_deposits_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposits")),
        sa.UniqueConstraint("rail", "business_key", name=op.f("uq_deposits_rail_business_key")),
    )
    op.create_index("ix_deposits_player_id", "deposits", ["player_id", "id"], unique=False)
    op.create_index(
        "ix_deposits_waiting",
        "deposits",
        ["rail", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('seen', 'confirming')"),
    )
    op.create_table(
        "exclusions",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('time_out', 'self_exclusion')", name=op.f("ck_exclusions_kind")
        ),
        sa.CheckConstraint(
            "until IS NOT NULL OR kind = 'self_exclusion'", name=op.f("ck_exclusions_life")
        ),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_exclusions_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exclusions")),
    )
    op.create_index("ix_exclusions_player_id", "exclusions", ["player_id", "id"], unique=False)
    op.create_table(
        "kyc_cases",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("requested_level", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'pending') = (decided_at IS NULL)", name=op.f("ck_kyc_cases_decided")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected')", name=op.f("ck_kyc_cases_status")
        ),
        sa.CheckConstraint(
            "requested_level BETWEEN 1 AND 2", name=op.f("ck_kyc_cases_requested_level")
        ),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_kyc_cases_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kyc_cases")),
    )
    op.create_index("ix_kyc_cases_player_id", "kyc_cases", ["player_id", "id"], unique=False)
    op.create_index(
        "ix_kyc_cases_queue",
        "kyc_cases",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "uq_kyc_cases_pending",
        "kyc_cases",
        ["player_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "logins",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("proof_hash", sa.LargeBinary(), nullable=False),
        sa.Column("proof_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "ended_by IN ('superseded', 'log_out', 'revoked', 'closed')",
            name=op.f("ck_logins_ended_by"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_logins_ended")),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_logins_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logins")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_logins_token_hash")),
    )
    op.create_index("ix_logins_player_id", "logins", ["player_id", "id"], unique=False)
    op.create_index("ix_logins_proof_hash", "logins", ["proof_hash"], unique=False)
    op.create_table(
        "player_counters",
        sa.Column("player_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("day_staked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("day_lost", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("day_deposited", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("week_staked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("week_lost", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("week_deposited", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("month_staked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("month_lost", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("month_deposited", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rate_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_player_counters_player_id_players")
        ),
        sa.PrimaryKeyConstraint("player_id", name=op.f("pk_player_counters")),
    )
    op.create_table(
        "player_limits",
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("limit_window", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("pending_units", sa.BigInteger(), nullable=True),
        sa.Column("pending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind <> 'stake' OR limit_window = 'day'", name=op.f("ck_player_limits_stake_window")
        ),
        sa.CheckConstraint(
            "kind IN ('deposit', 'loss', 'wager', 'stake')", name=op.f("ck_player_limits_kind")
        ),
        sa.CheckConstraint(
            "limit_window IN ('day', 'week', 'month')", name=op.f("ck_player_limits_limit_window")
        ),
        sa.CheckConstraint(
            "pending_at IS NOT NULL OR pending_units IS NULL", name=op.f("ck_player_limits_pending")
        ),
        sa.CheckConstraint("units > 0 AND pending_units > 0", name=op.f("ck_player_limits_units")),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_player_limits_player_id_players")
        ),
        sa.PrimaryKeyConstraint("player_id", "kind", "limit_window", name=op.f("pk_player_limits")),
    )
    op.create_table(
        "seed_pairs",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("client_seed", sa.Text(), nullable=True),
        sa.Column("client_seed_by", sa.Text(), nullable=True),
        sa.Column("server_seed", sa.Text(), nullable=True),
        sa.Column("used", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("receipt_head", sa.LargeBinary(), nullable=True),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('next', 'active', 'revealed')", name=op.f("ck_seed_pairs_status")
        ),
        sa.CheckConstraint("used >= 0", name=op.f("ck_seed_pairs_used_not_negative")),
        sa.ForeignKeyConstraint(
            ["player_id"],
            ["ledger_players.player_id"],
            name=op.f("fk_seed_pairs_player_id_ledger_players"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seed_pairs")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_seed_pairs_player", "seed_pairs", ["player_id", "id"], unique=False)
    op.create_index(
        "uq_seed_pairs_current",
        "seed_pairs",
        ["player_id", "status"],
        unique=True,
        postgresql_where=sa.text("status <> 'revealed'"),
    )
    op.create_table(
        "staff_cards",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("effect_id", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('card', 'picture')", name=op.f("ck_staff_cards_kind")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["staff_members.id"], name=op.f("fk_staff_cards_member_id_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_cards")),
        sa.UniqueConstraint(
            "chat_id", "message_id", name=op.f("uq_staff_cards_chat_id_message_id")
        ),
    )
    op.create_index(op.f("ix_staff_cards_member_id"), "staff_cards", ["member_id"], unique=False)
    op.create_index(op.f("ix_staff_cards_subject"), "staff_cards", ["subject"], unique=False)
    op.create_table(
        "staff_chats",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"], ["staff_members.id"], name=op.f("fk_staff_chats_member_id_staff_members")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_staff_chats")),
    )
    op.create_table(
        "support_messages",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "length(body) BETWEEN 1 AND 2000", name=op.f("ck_support_messages_body")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["staff_members.id"],
            name=op.f("fk_support_messages_member_id_staff_members"),
        ),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_support_messages_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_messages")),
    )
    op.create_index(
        op.f("ix_support_messages_member_id"), "support_messages", ["member_id"], unique=False
    )
    op.create_index(
        "ix_support_messages_player_id", "support_messages", ["player_id", "id"], unique=False
    )
    op.create_table(
        "wallets",
        sa.Column("player_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("cash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bonus", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deficit", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_final", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("bonus >= 0", name=op.f("ck_wallets_bonus_not_negative")),
        sa.CheckConstraint("cash >= 0", name=op.f("ck_wallets_cash_not_negative")),
        sa.CheckConstraint("deficit >= 0", name=op.f("ck_wallets_deficit_not_negative")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_wallets_held_not_negative")),
        sa.CheckConstraint("not_final >= 0", name=op.f("ck_wallets_not_final_not_negative")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_wallets_reserved_not_negative")),
        sa.ForeignKeyConstraint(
            ["player_id"],
            ["ledger_players.player_id"],
            name=op.f("fk_wallets_player_id_ledger_players"),
        ),
        sa.PrimaryKeyConstraint("player_id", "asset", name=op.f("pk_wallets")),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_table(
        "withdrawals",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("asset", sa.SmallInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("fee_units", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("memo", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("reference_units", sa.BigInteger(), nullable=False),
        sa.Column("first_use", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("order_text", sa.Text(), nullable=True),
        sa.Column("order_signature", sa.LargeBinary(), nullable=True),
        sa.Column("order_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("final_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('requested', 'in_review', 'approved', 'assigned', 'signed', 'broadcast', 'confirmed', 'rejected', 'cancelled', 'dead', 'refunded')",
            name=op.f("ck_withdrawals_status"),
        ),
        sa.CheckConstraint(
            "(order_text IS NULL) = (order_signature IS NULL)",
            name=op.f("ck_withdrawals_order_signed"),
        ),
        sa.CheckConstraint(
            "units > fee_units AND fee_units >= 0", name=op.f("ck_withdrawals_units")
        ),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_withdrawals_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint(
            "player_id", "reference", name=op.f("uq_withdrawals_player_id_reference")
        ),
    )
    op.create_index(
        "ix_withdrawals_open",
        "withdrawals",
        ["rail", "status", "id"],
        unique=False,
        postgresql_where=sa.text(
            "status NOT IN ('confirmed', 'rejected', 'cancelled', 'refunded')"
        ),
    )
    op.create_index("ix_withdrawals_player_id", "withdrawals", ["player_id", "id"], unique=False)
    op.create_table(
        "deposit_history",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("deposit_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("fk_deposit_history_deposit_id_deposits")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit_history")),
    )
    op.create_index(
        "ix_deposit_history_deposit_id", "deposit_history", ["deposit_id", "id"], unique=False
    )
    op.create_table(
        "kyc_documents",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "mime IN ('image/jpeg', 'image/png', 'application/pdf')",
            name=op.f("ck_kyc_documents_mime"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["kyc_cases.id"], name=op.f("fk_kyc_documents_case_id_kyc_cases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kyc_documents")),
        sa.UniqueConstraint(
            "case_id", "kind", "digest", name=op.f("uq_kyc_documents_case_id_kind_digest")
        ),
    )
    op.create_table(
        "payout_members",
        sa.Column("payout_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('pending', 'paid', 'dead')", name=op.f("ck_payout_members_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_payout_members_payout_id_payouts")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_payout_members_withdrawal_id_withdrawals"),
        ),
        sa.PrimaryKeyConstraint("payout_id", "position", name=op.f("pk_payout_members")),
    )
    op.create_index(
        "ix_payout_members_withdrawal_id", "payout_members", ["withdrawal_id"], unique=False
    )
    op.create_index(
        "uq_payout_members_living",
        "payout_members",
        ["withdrawal_id"],
        unique=True,
        postgresql_where=sa.text("outcome IN ('pending', 'paid')"),
    )
    op.create_table(
        "signed_orders",
        sa.Column("withdrawal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payout_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_signed_orders_payout_id_payouts")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_signed_orders_withdrawal_id_withdrawals"),
        ),
        sa.PrimaryKeyConstraint("withdrawal_id", "payout_id", name=op.f("pk_signed_orders")),
    )
    op.create_index(op.f("ix_signed_orders_at"), "signed_orders", ["at"], unique=False)
    op.create_index(
        op.f("ix_signed_orders_payout_id"), "signed_orders", ["payout_id"], unique=False
    )
    op.create_table(
        "unclaimed_transfers",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("asset", sa.SmallInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deposit_id", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'resolved') = (deposit_id IS NOT NULL)",
            name=op.f("ck_unclaimed_transfers_resolved"),
        ),
        sa.CheckConstraint(
            "status IN ('seen', 'waiting', 'resolved', 'adopted', 'orphaned')",
            name=op.f("ck_unclaimed_transfers_status"),
        ),
        sa.CheckConstraint("units > 0", name=op.f("ck_unclaimed_transfers_units")),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("fk_unclaimed_transfers_deposit_id_deposits")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unclaimed_transfers")),
        sa.UniqueConstraint(
            "rail", "business_key", name=op.f("uq_unclaimed_transfers_rail_business_key")
        ),
    )
    op.create_index(
        op.f("ix_unclaimed_transfers_deposit_id"),
        "unclaimed_transfers",
        ["deposit_id"],
        unique=False,
    )
    op.create_index(
        "ix_unclaimed_transfers_status",
        "unclaimed_transfers",
        ["status", "rail", "id"],
        unique=False,
    )
    op.create_table(
        "withdrawal_approvals",
        sa.Column("withdrawal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["staff_members.id"],
            name=op.f("fk_withdrawal_approvals_member_id_staff_members"),
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_withdrawal_approvals_withdrawal_id_withdrawals"),
        ),
        sa.PrimaryKeyConstraint("withdrawal_id", "member_id", name=op.f("pk_withdrawal_approvals")),
    )
    op.create_index(
        op.f("ix_withdrawal_approvals_member_id"),
        "withdrawal_approvals",
        ["member_id"],
        unique=False,
    )
    op.create_table(
        "withdrawal_history",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_withdrawal_history_withdrawal_id_withdrawals"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal_history")),
    )
    op.create_index(
        "ix_withdrawal_history_withdrawal_id",
        "withdrawal_history",
        ["withdrawal_id", "id"],
        unique=False,
    )
    op.create_table(
        "ws_tickets",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("login_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["login_id"], ["logins.id"], name=op.f("fk_ws_tickets_login_id_logins")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ws_tickets")),
        sa.UniqueConstraint("ticket_hash", name=op.f("uq_ws_tickets_ticket_hash")),
    )
    op.create_index(op.f("ix_ws_tickets_login_id"), "ws_tickets", ["login_id"], unique=False)


def downgrade() -> None:
    """Take the step back."""
    op.drop_index(op.f("ix_ws_tickets_login_id"), table_name="ws_tickets")
    op.drop_table("ws_tickets")
    op.drop_index("ix_withdrawal_history_withdrawal_id", table_name="withdrawal_history")
    op.drop_table("withdrawal_history")
    op.drop_index(op.f("ix_withdrawal_approvals_member_id"), table_name="withdrawal_approvals")
    op.drop_table("withdrawal_approvals")
    op.drop_index("ix_unclaimed_transfers_status", table_name="unclaimed_transfers")
    op.drop_index(op.f("ix_unclaimed_transfers_deposit_id"), table_name="unclaimed_transfers")
    op.drop_table("unclaimed_transfers")
    op.drop_index(op.f("ix_signed_orders_payout_id"), table_name="signed_orders")
    op.drop_index(op.f("ix_signed_orders_at"), table_name="signed_orders")
    op.drop_table("signed_orders")
    op.drop_index(
        "uq_payout_members_living",
        table_name="payout_members",
        postgresql_where=sa.text("outcome IN ('pending', 'paid')"),
    )
    op.drop_index("ix_payout_members_withdrawal_id", table_name="payout_members")
    op.drop_table("payout_members")
    op.drop_table("kyc_documents")
    op.drop_index("ix_deposit_history_deposit_id", table_name="deposit_history")
    op.drop_table("deposit_history")
    op.drop_index("ix_withdrawals_player_id", table_name="withdrawals")
    op.drop_index(
        "ix_withdrawals_open",
        table_name="withdrawals",
        postgresql_where=sa.text(
            "status NOT IN ('confirmed', 'rejected', 'cancelled', 'refunded')"
        ),
    )
    op.drop_table("withdrawals")
    op.drop_table("wallets")
    op.drop_index("ix_support_messages_player_id", table_name="support_messages")
    op.drop_index(op.f("ix_support_messages_member_id"), table_name="support_messages")
    op.drop_table("support_messages")
    op.drop_table("staff_chats")
    op.drop_index(op.f("ix_staff_cards_subject"), table_name="staff_cards")
    op.drop_index(op.f("ix_staff_cards_member_id"), table_name="staff_cards")
    op.drop_table("staff_cards")
    op.drop_index(
        "uq_seed_pairs_current",
        table_name="seed_pairs",
        postgresql_where=sa.text("status <> 'revealed'"),
    )
    op.drop_index("ix_seed_pairs_player", table_name="seed_pairs")
    op.drop_table("seed_pairs")
    op.drop_table("player_limits")
    op.drop_table("player_counters")
    op.drop_index("ix_logins_proof_hash", table_name="logins")
    op.drop_index("ix_logins_player_id", table_name="logins")
    op.drop_table("logins")
    op.drop_index(
        "uq_kyc_cases_pending",
        table_name="kyc_cases",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index(
        "ix_kyc_cases_queue", table_name="kyc_cases", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_index("ix_kyc_cases_player_id", table_name="kyc_cases")
    op.drop_table("kyc_cases")
    op.drop_index("ix_exclusions_player_id", table_name="exclusions")
    op.drop_table("exclusions")
    op.drop_index(
        "ix_deposits_waiting",
        table_name="deposits",
        postgresql_where=sa.text("status IN ('seen', 'confirming')"),
    )
    op.drop_index("ix_deposits_player_id", table_name="deposits")
    op.drop_table("deposits")
    op.drop_table("deposit_tags")
    op.drop_table("consents")
    op.drop_index("ix_address_uses_player_id", table_name="address_uses")
    op.drop_table("address_uses")
    op.drop_index("ix_transfers_subject", table_name="transfers")
    op.drop_index("ix_transfers_player", table_name="transfers")
    op.drop_table("transfers")
    op.drop_table("staff_members")
    op.drop_index("ix_rounds_player", table_name="rounds")
    op.drop_index(
        "ix_rounds_open", table_name="rounds", postgresql_where=sa.text("status = 'open'")
    )
    op.drop_table("rounds")
    op.drop_index(op.f("ix_rates_asset"), table_name="rates")
    op.drop_table("rates")
    op.drop_table("rails")
    op.drop_table("players")
    op.drop_table("player_keys")
    op.drop_index(
        "ix_payouts_open", table_name="payouts", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_table("payouts")
    op.drop_index(
        "ix_outbox_waiting", table_name="outbox", postgresql_where=sa.text("delivered_at IS NULL")
    )
    op.drop_table("outbox")
    op.drop_table("money_keys")
    op.drop_table("ledger_players")
    op.drop_index(
        "ix_inbox_waiting", table_name="inbox", postgresql_where=sa.text("done_at IS NULL")
    )
    op.drop_table("inbox")
    op.drop_table("house_rollups")
    op.drop_table("house_exposure")
    op.drop_index(op.f("ix_game_terms_game"), table_name="game_terms")
    op.drop_table("game_terms")
    op.drop_table("flags")
    op.drop_table("chain_cursors")
    op.drop_table("chain_balances")
    op.drop_table("cashier_terms")
    op.drop_table("bet_keys")
    op.drop_index(op.f("ix_audit_log_subject"), table_name="audit_log")
    op.drop_index(op.f("ix_audit_log_actor"), table_name="audit_log")
    op.drop_index(op.f("ix_audit_log_action"), table_name="audit_log")
    op.drop_table("audit_log")
    op.drop_table("audit_head")
