"""`.env.example` and the settings classes know the same names, and its values are valid."""

import importlib
import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / ".env.example"
PRODUCT = ("casino", "games", "payments", "messaging", "bot", "webapp", "admin_bot", "sandbox")


def _settings() -> list[type[BaseSettings]]:
    """Every settings class of every config module."""
    found: list[type[BaseSettings]] = []
    for package in PRODUCT:
        for path in sorted((ROOT / package).glob("**/config.py")):
            if "node_modules" in path.parts:
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = importlib.import_module(name)
            found += [
                value
                for value in vars(module).values()
                if isinstance(value, type)
                and issubclass(value, BaseSettings)
                and value.__module__ == name
            ]
    return found


SETTINGS = _settings()


def _names(settings: type[BaseSettings]) -> set[str]:
    prefix = settings.model_config.get("env_prefix", "")
    names = set()
    for field, about in settings.model_fields.items():
        alias = about.validation_alias or about.alias
        names.add(alias if isinstance(alias, str) else f"{prefix}{field}".upper())
    return names


def _documented() -> list[str]:
    return re.findall(r"^([A-Z][A-Z0-9_]*)=", EXAMPLE.read_text(), re.MULTILINE)


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    assert SETTINGS
    known = set().union(*(_names(settings) for settings in SETTINGS))
    documented = _documented()
    assert sorted(documented) == sorted(set(documented))
    assert set(documented) == known


def test_every_setting_has_a_sentence() -> None:
    lines = EXAMPLE.read_text().splitlines()
    bare = [
        line.partition("=")[0]
        for above, line in zip(["", *lines], lines, strict=False)
        if re.match(r"[A-Z][A-Z0-9_]*=", line) and not re.match(r"# \S.{10,}", above)
    ]
    assert bare == []


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings.__name__)
def test_the_values_of_the_example_are_valid(
    settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _documented():
        monkeypatch.delenv(name, raising=False)
    assert settings(_env_file=EXAMPLE) is not None
