"""Every table of the house, imported so that the metadata is complete."""

from __future__ import annotations

import casino.audit
import casino.betting.tables
import casino.cashier.address_tables
import casino.cashier.chain_tables
import casino.cashier.payout_tables
import casino.cashier.settling_tables
import casino.cashier.tables
import casino.cashier.treasury_tables
import casino.flags
import casino.inbox
import casino.ledger.tables
import casino.outbox
import casino.players.tables
import casino.rates
import casino.staff.tables
import casino.support.tables
import casino.vault
from casino.db import Base

MODULES = (
    casino.audit,
    casino.betting.tables,
    casino.cashier.address_tables,
    casino.cashier.chain_tables,
    casino.cashier.payout_tables,
    casino.cashier.settling_tables,
    casino.cashier.tables,
    casino.cashier.treasury_tables,
    casino.flags,
    casino.inbox,
    casino.ledger.tables,
    casino.outbox,
    casino.players.tables,
    casino.rates,
    casino.staff.tables,
    casino.support.tables,
    casino.vault,
)

metadata = Base.metadata
