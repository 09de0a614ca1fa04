"""What the machine itself must offer: venv, Node, npm, Chromium, litecoind; from apt as root."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.setup.steps import ROOT, Runner, SetupFailed

NODE_OLDEST = (20, 19)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLAYWRIGHT_BROWSERS = Path.home() / ".cache" / "ms-playwright"


def can_install() -> bool:
    """Say whether we may install Debian packages: we are root, and there is apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(runner: Runner, package: str) -> None:
    """Install a Debian package, or say who can. Raises SetupFailed."""
    if not can_install():
        raise SetupFailed(
            f"{package} is missing, and only an administrator can add it. "
            f"Run: sudo apt-get install {package}"
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    runner.run(["apt-get", "update"], extra=quiet)
    runner.run(["apt-get", "install", "-y", "--no-install-recommends", package], extra=quiet)


def require_venv(runner: Runner) -> None:
    """Make sure that this Python can make a virtual environment with pip in it."""
    probe = [sys.executable, "-c", "import ensurepip, venv"]
    if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return
    install(runner, f"python{sys.version_info.major}.{sys.version_info.minor}-venv")


def node_version() -> str:
    """What `node --version` says, or nothing when there is no Node."""
    node = shutil.which("node")
    if node is None:
        return ""
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout


def require_node(runner: Runner) -> None:
    """Make sure that Node is new enough and that npm is there. Raises SetupFailed."""
    wanted = ".".join(map(str, NODE_OLDEST))
    said = node_version().strip()
    numbers = re.match(r"v(\d+)\.(\d+)", said)
    if numbers is None:
        raise SetupFailed(
            f"Node {wanted} or newer is needed and there is none. "
            "Install it, for example: apt-get install nodejs npm"
        )
    if (int(numbers[1]), int(numbers[2])) < NODE_OLDEST:
        raise SetupFailed(f"Node {wanted} or newer is needed; `node --version` says {said}.")
    if shutil.which("npm") is None:
        install(runner, "npm")


def find_anvil() -> str | None:
    """The local Ethereum node: the one in sandbox/evm, which is for Linux on x86-64, or another
    on the PATH."""
    ours = ROOT / "sandbox" / "evm" / "node_modules" / "@foundry-rs" / "anvil-linux-amd64"
    return str(ours / "bin" / "anvil") if ours.exists() else shutil.which("anvil")


def find_chromium() -> str | None:
    """The Chromium that browser tests drive: $CHROMIUM, one on the PATH, or Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    for name in CHROMIUM_NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    fetched = sorted(PLAYWRIGHT_BROWSERS.glob("chromium-*/chrome-linux*/chrome"))
    return str(fetched[-1]) if fetched else None


def find_litecoind() -> str | None:
    """The Litecoin node on the PATH, which tests of chains drive."""
    return shutil.which("litecoind")


def require_litecoind(runner: Runner) -> None:
    """Find litecoind or install Debian's package of it. Raises SetupFailed."""
    if find_litecoind() is None:
        install(runner, "litecoind")


def require_chromium(runner: Runner) -> None:
    """Find Chromium or install it: Debian's package, elsewhere Playwright's download.

    Ubuntu's package of this name only fetches a snap, which does not run in containers.
    """
    if find_chromium() is not None:
        return
    if "ID=debian" in Path("/etc/os-release").read_text().splitlines():
        install(runner, "chromium")
        return
    playwright = [str(ROOT / ".venv" / "bin" / "playwright"), "install", "chromium"]
    runner.run([*playwright, "--with-deps"] if can_install() else playwright)
