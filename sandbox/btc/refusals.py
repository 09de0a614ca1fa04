"""What the node refuses, with Bitcoin Core's own codes (`src/rpc/protocol.h`)."""

from __future__ import annotations

MISC = -1
NOT_FOUND = -5
BAD_PARAMETER = -8
UNREADABLE = -22
BAD_TRANSACTION = -25
REJECTED = -26
IN_CHAIN = -27
NO_SUCH_METHOD = -32601
BAD_REQUEST = -32600


class RpcRefusal(Exception):
    """An answer that is an error; `code` and `message` go to the caller as they are."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PolicyRefusal(Exception):
    """The mempool does not want a transaction.

    `code` and `reason` are what `sendrawtransaction` says of it, `test_reason` what
    `testmempoolaccept` says."""

    def __init__(self, reason: str, *, code: int = REJECTED, test_reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.test_reason = test_reason or reason
