"""The set-up: a step runs when it is due and only then, and a failure is explained."""

from pathlib import Path

import pytest

from sandbox.setup import steps as setup_steps
from sandbox.setup.steps import Runner, SetupFailed, Step, content_of, perform


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(setup_steps, "NOTES", tmp_path / "notes")
    monkeypatch.setattr(setup_steps, "ROOT", tmp_path)
    return tmp_path


def step(place: Path, command: str) -> Step:
    return Step(
        name="Trial",
        inputs=lambda: content_of(place / "source"),
        made=(place / "result").exists,
        work=lambda runner: runner.run(["/bin/sh", "-c", command], folder=place),
        advice="ask the cook",
    )


def runs(place: Path) -> int:
    return (place / "result").read_text().count("x")


def test_a_step_runs_again_only_when_its_inputs_change(place: Path) -> None:
    (place / "source").write_text("one")
    trial = step(place, "printf x >> result")
    perform([trial])
    perform([trial])
    assert runs(place) == 1
    (place / "source").write_text("two")
    perform([trial])
    assert runs(place) == 2


def test_a_step_runs_again_when_its_result_is_gone(place: Path) -> None:
    (place / "source").write_text("one")
    trial = step(place, "printf x >> result")
    perform([trial])
    (place / "result").unlink()
    perform([trial])
    assert runs(place) == 1


def test_a_failure_shows_the_log_and_what_to_do(place: Path) -> None:
    with pytest.raises(SetupFailed) as failure:
        perform([step(place, "echo the oven is cold; exit 7")])
    said = str(failure.value)
    assert "Trial failed" in said
    assert "code 7" in said
    assert "    the oven is cold" in said
    assert "What to do: ask the cook" in said
    assert "notes/trial.log" in said


def test_a_failed_step_is_due_again_and_later_steps_wait(place: Path) -> None:
    later = Step(
        name="Later",
        inputs=str,
        made=(place / "later").exists,
        work=lambda runner: runner.run(["touch", str(place / "later")]),
        advice="",
    )
    failing = step(place, "touch result; exit 1")
    with pytest.raises(SetupFailed):
        perform([failing, later])
    assert not failing.is_done()
    assert not (place / "later").exists()


def test_success_without_a_result_is_a_failure(place: Path) -> None:
    with pytest.raises(SetupFailed, match="result is not there"):
        perform([step(place, "true")])


def test_a_missing_program_is_named(place: Path) -> None:
    runner = Runner("Trial", place / "log")
    with pytest.raises(SetupFailed, match="no-such-program"):
        runner.run(["no-such-program"])


def test_packages_of_others_do_not_count_as_sources(place: Path) -> None:
    (place / "app" / "node_modules").mkdir(parents=True)
    (place / "app" / "main.ts").write_text("1")
    before = content_of(place / "app")
    (place / "app" / "node_modules" / "x.js").write_text("1")
    assert content_of(place / "app") == before
    (place / "app" / "main.ts").write_text("2")
    assert content_of(place / "app") != before
