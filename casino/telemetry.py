"""Logs and metrics: how every process speaks to its engineers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import REGISTRY, CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from prometheus_client import Metric

SECRET_WORDS = ("secret", "token", "init_data", "password", "private", "seed", "document", "key")
SAFE_NAMES = frozenset({"seed_pair_id", "seed_nonce", "key_version", "replay_key"})

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


class BetCounts(Collector):
    """How many bets were decided, by game, asset and result, since the process began.

    The client's own counter takes a lock and finds its labels anew each time, which is a good part
    of what deciding a bet costs; here everything happens on the loop's thread.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}

    def count(self, game: str, asset: str, result: str) -> None:
        """Count a bet that was decided and committed, or refused."""
        key = (game, asset, result)
        self._counts[key] = self._counts.get(key, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """What Prometheus asks for."""
        family = CounterMetricFamily("bets", "Bets decided", labels=["game", "asset", "result"])
        for labels, count in list(self._counts.items()):
            family.add_metric(labels, count)
        yield family


bets_total = BetCounts()
REGISTRY.register(bets_total)
