"""The house style, where no linter knows it: captions, lengths, names, words and lock files."""

import ast
import json
import re
import subprocess
from pathlib import Path
from string import Formatter

import pytest
from babel import Locale

from casino.i18n import LANGUAGES

ROOT = Path(__file__).parent.parent
PRODUCT = (
    "casino",
    "games",
    "payments",
    "messaging",
    "bot",
    "webapp",
    "admin_bot",
    "sandbox",
    "benchmarks",
)
MONEY = ("casino", "games", "payments")
LINES_MAX = 400
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
# What a float may measure: time and shares, never an amount.
FLOAT_NAMES = re.compile(r"seconds|timeout|elapsed|interval|share|ratio|progress|per_second")
# Put together here, so that this file does not contain what it looks for.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
SKIPPED = re.compile(r"pytest\.(mark\.)?(sk" + r"ip|xfa" + r"il|importorsk" + r"ip)")
MACHINE_PATHS = re.compile(r"(?<![\w.$}~-])/(wo" + r"rk|ro" + r"ot|tm" + r"p)/[\w.]")
REGISTRIES = re.compile(
    "|".join(
        ("pyp" + r"i\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "deb\\.deb" + "ian")
    )
)


def _files() -> list[Path]:
    """Every file that is, or would be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


FILES = _files()
PYTHON = [path for path in FILES if path.suffix == ".py"]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _is_below(path: Path, packages: tuple[str, ...]) -> bool:
    return path.relative_to(ROOT).parts[0] in packages


def _text(path: Path) -> str:
    """The file's text; nothing for pictures and the like."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def _lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{_name(path)}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(_text(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def test_there_are_files_to_look_at() -> None:
    assert {"pyproject.toml", "tests/test_tidy.py"} <= {_name(path) for path in FILES}


def test_every_file_opens_with_a_caption() -> None:
    uncaptioned = []
    for path in PYTHON:
        if path.name == "__init__.py" and not _text(path).strip():
            continue  # a folder's marker has no job to name
        caption = (ast.get_docstring(ast.parse(_text(path))) or "").partition("\n")[0]
        if len(caption) < 10:
            uncaptioned.append(_name(path))
    assert uncaptioned == []


def test_no_product_file_is_too_long() -> None:
    long = {
        _name(path): lines
        for path in PYTHON
        if _is_below(path, PRODUCT) and (lines := len(_text(path).splitlines())) > LINES_MAX
    }
    assert long == {}


def test_names_say_what_a_module_holds() -> None:
    vague = [
        _name(path)
        for path in PYTHON
        if BANNED_NAMES & {part.lower() for part in path.relative_to(ROOT).with_suffix("").parts}
    ]
    assert vague == []


def test_every_folder_of_tests_is_a_package() -> None:
    """So that two folders may hold a module of the same name."""
    folders = {path.parent for path in PYTHON if _is_below(path, ("tests",))}
    assert [_name(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_packages_export_nothing_twice() -> None:
    importing = [
        _name(path)
        for path in PYTHON
        if path.name == "__init__.py"
        and any(
            isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(_text(path)).body
        )
    ]
    assert importing == []


def test_nothing_is_unfinished() -> None:
    assert _lines_with(UNFINISHED, [path for path in FILES if not _is_lock(path)]) == []


def test_no_test_is_skipped() -> None:
    assert _lines_with(SKIPPED, [path for path in PYTHON if _is_below(path, ("tests",))]) == []


def test_no_file_names_a_machine() -> None:
    assert _lines_with(MACHINE_PATHS, FILES) == []
    assert _lines_with(REGISTRIES, FILES) == []


def _is_lock(path: Path) -> bool:
    return path.name in {"requirements.lock", "package-lock.json"}


def test_lock_files_have_hashes_and_no_hosts() -> None:
    locks = [path for path in FILES if _is_lock(path)]
    assert "requirements.lock" in {path.name for path in locks}
    for path in locks:
        if path.suffix == ".json":
            packages: dict[str, dict[str, object]] = json.loads(_text(path))["packages"]
            fetched = {
                name: entry for name, entry in packages.items() if name and "link" not in entry
            }
            assert [name for name, entry in fetched.items() if "integrity" not in entry] == []
            assert [name for name, entry in fetched.items() if "resolved" in entry] == []
        else:
            pins = re.findall(r"^\S+==\S+.*$", _text(path), re.MULTILINE)
            assert pins
            assert [pin for pin in pins if not pin.endswith("\\")] == []
            assert re.findall(r"https?://", _text(path)) == []


def _floats(path: Path) -> list[str]:
    """Conversions to float, and float annotations of anything but time and shares."""
    found = []
    for node in ast.walk(ast.parse(_text(path))):
        match node:
            case ast.Call(func=ast.Name(id="float"), lineno=line):
                found.append(f"{_name(path)}:{line}: float(...)")
            case (
                ast.arg(arg=name, annotation=ast.Name(id="float"), lineno=line)
                | ast.AnnAssign(
                    target=ast.Name(id=name), annotation=ast.Name(id="float"), lineno=line
                )
            ) if not FLOAT_NAMES.search(name.lower()):
                found.append(f"{_name(path)}:{line}: {name}: float")
    return found


def test_no_floats_near_money() -> None:
    assert [line for path in PYTHON if _is_below(path, MONEY) for line in _floats(path)] == []


Text = str | dict[str, str]


def _areas(language: str) -> dict[str, dict[str, Text]]:
    folder = ROOT / "casino" / "locales" / language
    return {path.name: json.loads(_text(path)) for path in sorted(folder.glob("*.json"))}


def _placeholders(text: Text) -> set[str]:
    forms = [text] if isinstance(text, str) else list(text.values())
    return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name is not None}


def test_each_text_has_one_home() -> None:
    for language in LANGUAGES:
        keys = [key for area in _areas(language).values() for key in area]
        assert keys
        assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_languages_say_the_same(language: str) -> None:
    english, other = _areas("en"), _areas(language)
    assert other.keys() == english.keys()
    for area, texts in english.items():
        assert other[area].keys() == texts.keys(), area
        for key, text in texts.items():
            assert _placeholders(other[area][key]) == _placeholders(text), key
            assert isinstance(other[area][key], str) == isinstance(text, str), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    categories = set(Locale.parse(language).plural_form.tags) | {"other"}
    for area in _areas(language).values():
        for key, text in area.items():
            assert isinstance(text, str) or set(text) == categories, key
            assert text, key
