"""A step of the set-up: when it is due, how it runs, what it shows, what it says on failure."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTES = ROOT / ".cache" / "setup"  # stamps and logs
LOG_LINES_SHOWN = 25
SAY_EVERY_SECONDS = 20.0

Command = Sequence[str]


class SetupFailed(Exception):
    """The set-up cannot go on; the text is for the person in front of the screen."""


@dataclass(frozen=True, slots=True)
class Step:
    """Work that is done once for each state of its inputs.

    `inputs` is any text that changes when the work must be done again, `made` says whether the
    result stands there, `advice` tells a person what to do when it fails.
    """

    name: str
    inputs: Callable[[], str]
    made: Callable[[], bool]
    work: Callable[["Runner"], None]
    advice: str

    @property
    def stamp(self) -> Path:
        return NOTES / f"{_slug(self.name)}.stamp"

    def is_done(self) -> bool:
        """Say whether the result stands there, made from the inputs as they are now."""
        try:
            return self.made() and self.stamp.read_text() == _digest(self.inputs())
        except OSError:
            return False


class Runner:
    """Runs the commands of one step into its log and shows that time passes."""

    def __init__(self, label: str, log: Path) -> None:
        self.label = label
        self.log = log
        self.started = time.monotonic()
        self.terminal = sys.stdout.isatty()
        self.said = self.started
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")

    def run(
        self, command: Command, *, folder: Path = ROOT, extra: Mapping[str, str] | None = None
    ) -> None:
        """Run `command` with its output going to the log. Raises SetupFailed when it fails."""
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            try:
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env={**os.environ, **(extra or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            except OSError as missing:
                raise SetupFailed(f"{command[0]} cannot be run in {folder}: {missing}") from missing
            try:
                code = self._wait(process)
            finally:
                if process.poll() is None:  # Ctrl-C: leave nothing half-done behind us
                    process.terminate()
                    process.wait()
        if code != 0:
            raise SetupFailed(f"`{' '.join(command)}` ended with code {code}.")

    def finish(self, word: str) -> None:
        """Close the line of this step with a word and the seconds it took."""
        seconds = time.monotonic() - self.started
        start = "\r" if self.terminal else ""
        say(f"{start}{self.label:<34} {word} in {seconds:.1f} s")

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        while True:
            try:
                return process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                self._tick()

    def _tick(self) -> None:
        seconds = int(time.monotonic() - self.started)
        if self.terminal:
            say(f"\r{self.label:<34} {seconds} s", end="")
        elif time.monotonic() - self.said >= SAY_EVERY_SECONDS:
            self.said = time.monotonic()
            say(f"{self.label:<34} still at it after {seconds} s")


def perform(steps: Sequence[Step]) -> None:
    """Do the steps that are due, in order. Raises SetupFailed, explained, at the first failure."""
    for number, step in enumerate(steps, start=1):
        if step.is_done():  # asked only now: an earlier step may have removed its result
            continue
        runner = Runner(f"[{number}/{len(steps)}] {step.name}", NOTES / f"{_slug(step.name)}.log")
        if not runner.terminal:
            say(f"{runner.label:<34} begins")
        try:
            _work(step, runner)
        except SetupFailed as failure:
            runner.finish("FAILED")
            raise SetupFailed(_explain(step, runner.log, failure)) from failure
        step.stamp.write_text(_digest(step.inputs()))
        runner.finish("done")


def say(text: str, *, end: str = "\n") -> None:
    """Show a line to the person in front of the screen, at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def content_of(*paths: Path) -> str:
    """A text that changes when any of these files, or any file below these folders, changes."""
    seen: dict[str, str] = {}
    for path in paths:
        for file in sorted(_files(path)):
            seen[str(file.relative_to(ROOT))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return json.dumps(seen)


def _work(step: Step, runner: Runner) -> None:
    step.work(runner)
    if not step.made():
        raise SetupFailed("every command succeeded, but the result is not there.")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.exists() else []
    found: list[Path] = []
    for child in path.iterdir():
        if child.name not in {"node_modules", "dist", "__pycache__"}:
            found += _files(child)
    return found


def _explain(step: Step, log: Path, failure: SetupFailed) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    shown = "\n".join(f"    {line}" for line in lines)
    return (
        f"\n{step.name} failed: {failure}\n"
        f"The end of {log.relative_to(ROOT)}:\n{shown}\n\n"
        f"What to do: {step.advice}\n"
        "Then run the same command again; what was done already is kept."
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
