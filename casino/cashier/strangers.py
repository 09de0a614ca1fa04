"""Tokens that the house does not take, as chains' adapters tell of them; a pure value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class StrangeTransfer:
    """A transfer of a token that is not ours, as the chain's adapter read it.

    `business_key` is unique for ever on the chain; `token` is the contract that makes it, or the
    one that speaks for it where nobody vouches; `vouched` says that the token's own contract names
    this account of ours; `units` is None where they are not told, never zero; `account` is the
    address of ours that people know."""

    business_key: str
    token: str
    vouched: bool
    account: str
    units: int | None
    tx_hash: str
    sender: str
    comment: str | None
    block: int
    at: datetime
