"""`python3 -m sandbox.setup`: all that `make demo` and `make test` stand on, step by step."""

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sandbox.setup.steps import NOTES, ROOT, Runner, SetupFailed, Step, content_of, perform, say
from sandbox.setup.system import (
    find_anvil,
    find_chromium,
    find_litecoind,
    node_version,
    require_chromium,
    require_litecoind,
    require_node,
    require_venv,
)

VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
TON = ROOT / "sandbox" / "ton"
EVM = ROOT / "sandbox" / "evm"
FRONTEND = ROOT / "webapp" / "frontend"
LOCALES = ROOT / "casino" / "locales"  # the pages speak from the same files
STATIC = ROOT / "webapp" / "static"

NETWORK = "check the network (or your package mirror)"


def main() -> int:
    """Do what is due; 0 when the machine is ready, 1 with an explanation when it is not."""
    parser = argparse.ArgumentParser(prog="python3 -m sandbox.setup", description=__doc__)
    parser.add_argument(
        "--browser", action="store_true", help="Chromium and litecoind too, for tests"
    )
    chosen = parser.parse_args()
    started = time.monotonic()
    NOTES.mkdir(parents=True, exist_ok=True)
    with (NOTES / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up of this checkout is running; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            perform([*steps(), *([chromium(), litecoind()] if chosen.browser else [])])
        except SetupFailed as failure:
            say(str(failure))
            return 1
        except KeyboardInterrupt:
            say("\nStopped. Run the same command again to go on.")
            return 130
    say(f"Ready after {time.monotonic() - started:.1f} s.")
    return 0


def steps() -> list[Step]:
    """What the demo needs, in order."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [
        Step(
            name="Python environment",
            inputs=lambda: f"{ROOT} {python}",
            made=VENV_PYTHON.exists,
            work=make_environment,
            advice="see above; Debian and Ubuntu keep the venv module in a package of its own.",
        ),
        Step(
            name="Python packages",
            inputs=lambda: f"{ROOT} {python} {content_of(LOCK)}",
            made=(VENV / "bin" / "alembic").exists,
            work=install_packages,
            advice=f"{NETWORK}; remove .venv to begin afresh.",
        ),
        Step(
            name="Local TON chain",
            inputs=lambda: node_version() + content_of(TON / "package-lock.json", TON / ".npmrc"),
            made=(TON / "node_modules" / "@ton").exists,
            work=lambda runner: install_node_packages(runner, TON),
            advice=f"{NETWORK} and that `node --version` is 20.19 or newer.",
        ),
        Step(
            name="Local Ethereum",
            inputs=lambda: node_version() + content_of(EVM / "package-lock.json", EVM / ".npmrc"),
            made=lambda: find_anvil() is not None and (EVM / "node_modules" / "solc").exists(),
            work=lambda runner: install_node_packages(runner, EVM),
            advice=(
                f"{NETWORK}. The package has a node for Linux on x86-64 only; elsewhere install "
                "Foundry and have its `anvil` on the PATH."
            ),
        ),
        # Compiled here and not committed: four seconds make the same bytes, and sources are what
        # people can review.
        Step(
            name="Ethereum contracts",
            inputs=lambda: content_of(
                EVM / "package-lock.json", EVM / "compile.js", EVM / "contracts"
            ),
            made=(EVM / "build" / "contracts.json").exists,
            work=lambda runner: runner.run(["node", "compile.js"], folder=EVM),
            advice="read the compiler's words above; it names the file and the line.",
        ),
        Step(
            name="Mini App packages",
            inputs=lambda: node_version() + content_of(FRONTEND / "package-lock.json"),
            made=(FRONTEND / "node_modules" / ".bin" / "vite").exists,
            work=lambda runner: install_node_packages(runner, FRONTEND),
            advice=f"{NETWORK} and that `node --version` is 20.19 or newer.",
        ),
        Step(
            name="Mini App build",
            inputs=lambda: node_version() + content_of(FRONTEND, LOCALES),
            made=(STATIC / "index.html").exists,
            work=lambda runner: runner.run(["npm", "run", "build"], folder=FRONTEND),
            advice="read the compiler's words above; it names the file and the line.",
        ),
    ]


def chromium() -> Step:
    """The browser for the browser tests."""
    return Step(
        name="Chromium",
        inputs=lambda: "",
        made=lambda: find_chromium() is not None,
        work=require_chromium,
        advice=(
            "install Chromium yourself, or set CHROMIUM to the path of one. "
            "`make test-fast` runs every test that needs no browser."
        ),
    )


def litecoind() -> Step:
    """The second Bitcoin-like node, beside our own, for the tests of chains."""
    return Step(
        name="Litecoin node",
        inputs=lambda: "",
        made=lambda: find_litecoind() is not None,
        work=require_litecoind,
        advice=(
            "install litecoind 0.21 yourself so that it is on the PATH; Debian has it as a "
            "package. `make test-fast` runs every test that needs no chain."
        ),
    )


def make_environment(runner: Runner) -> None:
    if environment_works():
        return
    require_venv(runner)
    if VENV.exists():
        shutil.rmtree(VENV)  # of another Python, or copied from another place
    runner.run([sys.executable, "-m", "venv", str(VENV)])


def environment_works() -> bool:
    """Say whether .venv is one of this very place and of this version of Python."""
    say = "import pip, sys; print(sys.prefix, *sys.version_info[:2])"
    try:
        asked = subprocess.run(
            [str(VENV_PYTHON), "-c", say], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return asked.stdout.split() == [str(VENV), *map(str, sys.version_info[:2])]


def install_packages(runner: Runner) -> None:
    """Install what the lock file pins: by uv, or by pip where uv cannot reach the packages.

    Exact versions and hashes are in the file, so there is nothing to resolve.
    """
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--no-input"]
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(VENV_PYTHON)]
    what = ["--no-deps", "--require-hashes", "-r"]
    bootstrap = NOTES / "uv.lock"
    bootstrap.write_text(pinned("uv", LOCK.read_text()))
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    try:
        runner.run([*pip, *what, str(bootstrap)], extra=quiet)
        runner.run([*uv, "--compile-bytecode", *what, str(LOCK)])
    except SetupFailed:  # pip knows mirrors and proxies of its own settings
        runner.run([*pip, *what, str(LOCK)], extra=quiet)


def pinned(package: str, lock: str) -> str:
    """The lines of one package in the text of a lock file."""
    found = re.search(rf"^{re.escape(package)}==.*\n(?: .*\n)*", lock, re.MULTILINE)
    if found is None:
        raise SetupFailed(f"{package} is not in {LOCK.name}.")
    return found[0]


def install_node_packages(runner: Runner, folder: Path) -> None:
    require_node(runner)
    runner.run(["npm", "ci", "--no-audit", "--no-fund"], folder=folder)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
