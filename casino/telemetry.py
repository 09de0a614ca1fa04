"""Logs and metrics: how every process speaks to its engineers."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

if TYPE_CHECKING:
    from collections.abc import MutableMapping

SECRET_WORDS = ("secret", "token", "init_data", "password", "private", "seed", "document", "key")
SAFE_NAMES = frozenset({"seed_pair_id", "seed_nonce", "key_version", "replay_key"})

bets_total = Counter("bets_total", "Bets decided", ["game", "asset", "result"])
batch_size = Histogram("bet_batch_size", "Commands in a group commit", buckets=(1, 4, 16, 64, 256))
ledger_imbalance_units = Gauge("ledger_imbalance_units", "Sum over all accounts", ["asset"])
watcher_lag_blocks = Gauge("watcher_lag_blocks", "Final blocks not yet read", ["chain"])
withdrawals_waiting = Gauge("withdrawals_waiting", "Withdrawals by open status", ["status"])
hot_wallet_units = Gauge("hot_wallet_units", "Coins in the hot wallet on chain", ["asset"])
outbox_oldest_seconds = Gauge("outbox_oldest_seconds", "Age of the oldest waiting effect")
receipts_signed_total = Counter("receipts_signed_total", "Receipts put under a signed root")
receipts_signed_until = Gauge(
    "receipts_signed_until", "Unix time at which no settled receipt waited for its signature"
)
updates_total = Counter("telegram_updates_total", "Updates handled", ["bot", "result"])


def configure_logs(*, json_lines: bool) -> None:
    """Set up structlog once per process: JSON lines in production, readable text otherwise."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")


def drop_secrets(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Blank every field whose name sounds like a secret, whoever logged it."""
    for name in event:
        if name not in SAFE_NAMES and any(word in name.lower() for word in SECRET_WORDS):
            event[name] = "(withheld)"
    return event


def serve_metrics(port: int | None) -> None:
    """Serve prometheus metrics on loopback, when a port is configured."""
    if port:
        start_http_server(port, addr="127.0.0.1")


@lru_cache(maxsize=1024)
def _bets_of(game: str, asset: str, result: str) -> Counter:
    return bets_total.labels(game=game, asset=asset, result=result)


def count_bet(game: str, asset: str, result: str) -> None:
    """Count a bet that was decided and committed, or refused; finding a label's counter costs more
    than raising it, so it is looked up once."""
    _bets_of(game, asset, result).inc()
