"""Runs the local Telegram alone: `python -m sandbox.telegram --port 8081 [--store FILE]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from aiohttp import web

from sandbox.telegram.app import build_app
from sandbox.telegram.world import default_world


def main() -> None:
    """Serve the default world on this machine only."""
    parser = argparse.ArgumentParser(description="A local Telegram for development and tests.")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--store", type=Path, default=None, help="keep everything in this file")
    options = parser.parse_args()
    app = build_app(world=default_world(), store=options.store)
    web.run_app(app, host="127.0.0.1", port=options.port, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
