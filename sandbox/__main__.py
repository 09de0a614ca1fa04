"""`python -m sandbox demo | smoke | reset`: the whole casino with the outside world around it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.chains import DEMO_PACE, QUICK_PACE
from sandbox.home import Home, demo_home
from sandbox.processes import ServiceFailed, last_lines
from sandbox.settings import Ports
from sandbox.stage import open_stage
from sandbox.story import tell

if TYPE_CHECKING:
    from collections.abc import Callable

DEMO_PORT = 8090


def main() -> int:
    """Read the command line; problems end with a sentence, not a trace."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("command", choices=["demo", "smoke", "reset"])
    command = parser.parse_args().command
    try:
        if command == "reset":
            demo_home().erase()
            print("The demo's world is forgotten; `make demo` begins a new one.")  # noqa: T201
            return 0
        return asyncio.run(demo() if command == "demo" else smoke())
    except ServiceFailed as failure:
        sys.stderr.write(f"\n{failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130


async def demo() -> int:
    """Run the demo until Ctrl+C."""
    first = int(os.environ.get("DEMO_PORT", DEMO_PORT))
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    began = time.monotonic()
    async with open_stage(
        demo_home(), Ports.from_first(first), pace=DEMO_PACE, say=_progress(began)
    ) as stage:
        _print(
            f"\n  Fairhouse is open: {stage.page_url}\n\n"
            f"  Everything runs on this machine; the coins are play coins.\n"
            f"  Data and logs: {stage.home.folder} (make demo-reset forgets them).\n"
            f"  Stop with Ctrl+C.\n"
        )
        await stop.wait()
        _print("  closing ...")
    return 0


async def smoke() -> int:
    """Run the story once in a world of its own; one JSON line a step, exit code 1 if one fails."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fairhouse-smoke-", dir=_open_folder()) as folder:
        async with open_stage(
            Home(Path(folder)), Ports.free(), pace=QUICK_PACE, say=_progress(began)
        ) as stage:
            if await tell(stage, _print):
                return 0
            for log in stage.home.logs():
                sys.stderr.write(f"\n{log.name} ends with\n{last_lines(log, 30)}\n")
            return 1


def _open_folder() -> str | None:
    # PostgreSQL steps down from root, so its data may not lie in a folder closed to others.
    return "/tmp" if os.getuid() == 0 and Path("/tmp").is_dir() else None  # noqa: S108


def _progress(began: float) -> Callable[[str], None]:
    def say(text: str) -> None:
        sys.stderr.write(f"  [{time.monotonic() - began:5.1f} s] {text}\n")
        sys.stderr.flush()

    return say


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
