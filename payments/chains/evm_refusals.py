"""What nodes say when they do not take a transaction, in the exact words of each."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """What a node's words mean for the bytes that it was given."""

    KNOWN = "known"
    """The node has exactly these bytes already."""
    NONCE_USED = "nonce_used"
    """The account went on: by these bytes or by others."""
    REFUSED = "refused"
    """The node will not take these bytes as things stand."""


# anvil 1.7.1: heard from the node itself. geth: core/txpool/errors.go, core/txpool/validation.go
# and core/error.go. Nethermind: TxPoolErrorMessages.cs, which speaks like geth, and the names of
# AcceptTxResult.cs with which its releases up to 2025 answered.
_KNOWN = (
    "transaction already imported",  # anvil
    "already known",  # geth, Nethermind
    "alreadyknown",  # Nethermind, older
)
_NONCE_USED = (
    "nonce too low",  # anvil, geth, Nethermind
    "oldnonce",  # Nethermind, older
)
_REFUSED = (
    # anvil, and geth and Nethermind where they say the same
    "replacement transaction underpriced",
    "transaction underpriced",
    "insufficient funds for gas * price + value",
    "intrinsic gas too low",
    "intrinsic gas too high",
    "max priority fee per gas higher than max fee per gas",
    "max fee per gas less than block base fee",
    "exceeds block gas limit",
    "invalid chain id for signer",
    "failed to decode transaction",
    "empty transaction data",
    "nonce too high",
    "sender not an eoa",
    # geth
    "invalid sender",
    "account limit exceeded",
    "oversized data",
    "future transaction tries to replace pending",
    "address already reserved",
    "authority already reserved",
    "authority nonce too low",
    "txpool is full",
    "insufficient funds for transfer",
    "in-flight transaction limit reached for delegated accounts",
    "gapped-nonce tx from delegated accounts",
    # Nethermind
    "failed to recover sender",
    "transaction cost overflow",
    "transaction invalid",
    "gas limit reached",
    "nonce too far in future",
    "pending transaction type conflict",
    "unsupported transaction type",
    "transaction too large",
    "delegation nonce gap",
    "delegation authority has pending transaction",
    "node is syncing",
    "failedtoresolvesender",
    "feetoolow",
    "feetoolowtocompete",
    "gaslimitexceeded",
    "insufficientfunds",
    "int256overflow",
    "noncegap",
    "replacementnotallowed",
    "senderiscontract",
    "noncetoofarinfuture",
)
_MEANINGS = {
    **dict.fromkeys(_KNOWN, Refusal.KNOWN),
    **dict.fromkeys(_NONCE_USED, Refusal.NONCE_USED),
    **dict.fromkeys(_REFUSED, Refusal.REFUSED),
}


def meaning(message: str) -> Refusal | None:
    """What a node's error message means; None for words that nobody has read in its source.

    Details follow a colon or a comma and are not looked at. The whole of what stands before them
    must fit: "authority nonce too low" says nothing about the sender's nonce."""
    said = message.strip().lower()
    return _MEANINGS.get(said) or _MEANINGS.get(said.replace(",", ":").partition(":")[0].strip())
