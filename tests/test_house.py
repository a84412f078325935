"""Keeps the house: sizes, names, purity of the core, and that what must be written down is.

The layers (who may import whom) are import-linter's contracts in pyproject.toml.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.syntax import tree_of

from mortice.core.refusal import Reason

ROOT = Path(__file__).parents[1]
ROOMS = ROOT / "src" / "mortice"
CORE = ROOMS / "core"
LIMITS = CORE / "limits.py"
REFUSALS = ROOT / "spec" / "refusals.md"

CORE_MODULE_LINES = 400
MODULE_LINES = 600
CORE_FUNCTION_LINES = 60
SHORT_FUNCTION_LINES = 10  # at least half of all functions
ORDINARY_FUNCTION_LINES = 30  # at least nine in ten

# Lines of code in a whole room. Docstrings, comments and blank lines are free: we want them.
ROOM_BUDGET = {
    "core": 3000,
    "client": 1175,  # docs/decisions/0003-client-holds-the-owner-too.md, 0014
    "lockd": 2800,  # docs/decisions/0012-a-lock-dials-its-hub.md
    "hub": 10_600,  # docs/decisions/0014-how-large-the-hub-is.md
    "assess": 2050,  # docs/decisions/0017-how-large-assess-is.md
}
DRIVER_BUDGET = 400  # each

NAMELESS = {"manager", "handler", "helper", "helpers", "util", "utils", "misc"}

# All that the core may import besides itself: nothing here does input, output, time or chance.
PURE = {
    "__future__",
    "base64",
    "binascii",
    "bisect",
    "collections",
    "contextlib",
    "cryptography",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "math",
    "nacl",
    "re",
    "struct",
    "typing",
    "types",
    "zoneinfo",
}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
IMPURE_METHOD = re.compile(r"\b(datetime|date)\.(now|today|utcnow)$|\.generate(_\w+)?$")

# Written so that these lines do not find themselves.
MACHINE_PATH = re.compile(r"(?<![\w.~}/-])/(?:root|home|Users)/\w")
PACKAGE_HOST = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|yarnpkg)\.(?:org|com)\b|--(?:extra-)?index-url\b"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


# --- sizes ----------------------------------------------------------------------------------


def modules(room: Path = ROOMS) -> list[Path]:
    """Every module but migrations, which a program wrote from the tables."""
    return sorted(path for path in room.rglob("*.py") if "versions" not in path.parts)


@cache
def tree(module: Path) -> ast.Module:
    return tree_of(module)


def functions(module: Path) -> list[Function]:
    return [node for node in ast.walk(tree(module)) if isinstance(node, Function)]


def height(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def code_lines(module: Path) -> int:
    """Lines that hold code: no blank line, comment or docstring."""
    lines: set[int] = set()
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    for token in tokenize.generate_tokens(io.StringIO(module.read_text("utf-8")).readline):
        if token.type not in layout:
            lines.update(range(token.start[0], token.end[0] + bool(token.string)))
    for docstring in docstrings(module):
        lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return len(lines)


def docstrings(module: Path) -> Iterator[ast.stmt]:
    for node in ast.walk(tree(module)):
        if isinstance(node, (ast.Module, ast.ClassDef, Function)) and ast.get_docstring(node):
            yield node.body[0]


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(ROOMS)))
def test_a_module_can_be_read_in_one_sitting(module: Path) -> None:
    most = CORE_MODULE_LINES if CORE in module.parents else MODULE_LINES
    assert len(module.read_text("utf-8").splitlines()) <= most


def test_a_function_of_the_core_fits_on_a_screen() -> None:
    tall = [
        f"{module.name}: {function.name} has {height(function)} lines"
        for module in modules(CORE)
        for function in functions(module)
        if height(function) > CORE_FUNCTION_LINES
    ]
    assert not tall


@pytest.mark.parametrize("room", [room for room in ROOM_BUDGET if (ROOMS / room).is_dir()])
def test_a_room_keeps_its_budget(room: str) -> None:
    assert sum(map(code_lines, modules(ROOMS / room))) <= ROOM_BUDGET[room]


def test_each_driver_keeps_its_budget() -> None:
    drivers = [path for path in (ROOMS / "drivers").iterdir() if path.name != "__pycache__"]
    sizes = {
        path.name: sum(map(code_lines, modules(path) if path.is_dir() else [path]))
        for path in drivers
    }
    assert {name: size for name, size in sizes.items() if size > DRIVER_BUDGET} == {}


def test_half_of_all_functions_are_short_and_nine_in_ten_ordinary() -> None:
    heights = sorted(height(function) for module in modules() for function in functions(module))
    assert heights[len(heights) // 2] <= SHORT_FUNCTION_LINES
    assert heights[len(heights) * 9 // 10] <= ORDINARY_FUNCTION_LINES


# --- names ----------------------------------------------------------------------------------


def test_no_file_is_named_after_nothing_in_particular() -> None:
    nameless = [
        str(path)
        for path in tracked()
        for part in path.parts
        if NAMELESS & set(re.split(r"[\W_]+", part.lower()))
    ]
    assert not nameless


# --- the pure core --------------------------------------------------------------------------


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}: relative import"
            yield node.module or ""


def test_the_core_imports_only_what_is_pure() -> None:
    impure = [
        f"{module.name}: {name}"
        for module in modules(CORE)
        for name in imported(module)
        if name.split(".")[0] not in PURE and not f"{name}.".startswith("mortice.core.")
    ]
    assert not impure


def test_the_core_calls_nothing_that_reads_a_clock_a_file_or_chance() -> None:
    impure = [
        f"{module.name}:{node.lineno}"
        for module in modules(CORE)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and is_impure(node.func)
    ]
    assert not impure


def is_impure(called: ast.expr) -> bool:
    name = ast.unparse(called)
    return name in IMPURE_CALLS or bool(IMPURE_METHOD.search(name))


# --- what must be written down --------------------------------------------------------------


def constants(module: Path) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree(module).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node
        elif isinstance(node, ast.Assign):
            yield ", ".join(ast.unparse(target) for target in node.targets), node


def test_every_limit_has_its_reason_beside_it() -> None:
    lines = LIMITS.read_text("utf-8").splitlines()
    bare = [
        name
        for name, node in constants(LIMITS)
        if not re.search(r"#\s*\w.{4,}", "\n".join(lines[node.lineno - 1 : node.end_lineno]))
    ]
    assert not bare


def test_every_refusal_is_in_the_spec() -> None:
    spec = REFUSALS.read_text("utf-8") if REFUSALS.exists() else ""
    assert [reason.value for reason in Reason if f"`{reason.value}`" not in spec] == []


# --- nothing of one machine -----------------------------------------------------------------


@cache
def tracked() -> tuple[Path, ...]:
    """Files of the project, relative to its root; in an export without git, all but hidden ones."""
    if not (ROOT / ".git").exists():
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
        return tuple(path for path in found if not ignored_without_git(path))
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = (Path(name) for name in listed.split("\0") if name)
    return tuple(path for path in paths if (ROOT / path).is_file())


def ignored_without_git(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path, (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a recording


def test_no_file_names_a_path_of_one_machine() -> None:
    here = re.compile(rf"(?<![\w.~}}/-]){re.escape(str(ROOT))}\b")
    assert not [path for path, text in texts() if MACHINE_PATH.search(text) or here.search(text)]


def test_no_file_names_the_host_of_a_package_index() -> None:
    assert not [path for path, text in texts() if PACKAGE_HOST.search(text)]


def test_pinned_packages_carry_hashes_and_no_address() -> None:
    locks = [text for path, text in texts() if path.name == "requirements.lock"]
    assert locks
    for text in locks:
        assert "://" not in text
        pins = re.split(r"\n(?=[a-z])", re.sub(r"(?m)^#.*\n", "", text).strip())
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)
