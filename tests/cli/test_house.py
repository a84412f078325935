"""The command keeps its house: help with examples, all of it documented, nothing loaded early."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.cli.terminal import run

from mortice.cli.app import NOUNS, root
from mortice.cli.command import Command, Group

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cli.md"
HEAVY = ("mortice.sim", "mortice.lockd", "mortice.drivers", "starlette", "uvicorn", "websockets")


def commands(
    command: click.Command = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


ALL = {" ".join(path): command for path, command in commands() if path}
VERBS = {name: command for name, command in ALL.items() if not isinstance(command, click.Group)}


@pytest.mark.parametrize("name", ALL)
def test_help_begins_with_examples_that_are_real(name: str) -> None:
    command = ALL[name]
    assert isinstance(command, Command | Group)
    printed = run(*name.split(), "-h")

    assert printed.code == 0
    assert printed.out.startswith("Examples:\n  mortice ")
    for example in command.examples:
        resolve(example)


def resolve(example: str) -> None:
    """Parse an example as the command would, without running it."""
    typed = re.split(r" {3}| >", example)[0]  # what stands behind is a word about it, or a file
    words = shlex.split(re.sub(r"\$\(.*?\)", "KEY", typed))
    assert words.pop(0) == "mortice"
    while words and words[0].startswith("--"):
        words = words[2 if words[0] in ("--as", "--home") else 1:]
    command: click.Command = root
    while isinstance(command, click.Group) and words:
        below = command.get_command(click.Context(command), words.pop(0))
        assert below is not None, example
        command = below
    if not isinstance(command, click.Group):
        above = click.Context(root, help_option_names=["-h", "--help"])
        command.make_context(example, words, above)  # raises for a word that does not fit


@pytest.mark.parametrize("name", VERBS)
def test_every_command_is_documented(name: str) -> None:
    assert f"### `mortice {name}" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", VERBS)
def test_every_option_is_documented(name: str) -> None:
    text = PAGE.read_text("utf-8")
    start = text.index(f"### `mortice {name}")
    section = text[start:].split("\n### ")[0]
    missing = [
        option for parameter in VERBS[name].params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in parameter.opts if option.startswith("--") and f"`{option}" not in section]
    assert not missing


def test_every_error_code_is_documented() -> None:
    text = PAGE.read_text("utf-8")
    codes = set()
    for module in (ROOT / "src" / "mortice" / "cli").glob("*.py"):
        codes |= set(re.findall(r'Problem\(\s*"(\w+)"', module.read_text("utf-8")))

    assert len(codes) > 20
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


def test_the_nouns_are_those_that_can_be_typed() -> None:
    listed = run("-h").out
    for noun in NOUNS:
        assert re.search(rf"^  {noun} ", listed, re.MULTILINE)


def test_the_command_alone_shows_its_help() -> None:
    assert run().out.startswith("Examples:")


def test_no_command_but_the_demo_loads_a_web_stack_or_a_lock() -> None:
    program = (
        "import sys\n"
        "from mortice.cli.app import NOUNS, root\n"
        "import importlib\n"
        "for module, _ in NOUNS.values(): importlib.import_module(module)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n")
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src")})

    assert printed.stdout.strip() == "[]"


def test_a_noun_is_loaded_when_it_is_typed_and_no_other() -> None:
    program = (
        "import sys\n"
        "from mortice.cli.app import root\n"
        "try: root.main(['version'])\n"
        "except SystemExit: pass\n"
        "print('mortice.cli.about' in sys.modules, 'mortice.cli.door' in sys.modules)\n")
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src")})

    assert printed.stdout.splitlines()[-1] == "True False"


def test_no_option_takes_a_secret() -> None:
    secret = re.compile(r"--(pin|passphrase|password|secret|sheet|seed)$")
    for name, command in VERBS.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and any(map(secret.match, parameter.opts)):
                assert parameter.is_flag or parameter.metavar in ("FILE", "FILE|-"), name


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_command(shell: str) -> None:
    printed = run("completion", shell)

    assert printed.code == 0
    assert "_MORTICE_COMPLETE" in printed.out


def test_completion_offers_verbs() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "mortice"], capture_output=True, text=True, check=False, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "_MORTICE_COMPLETE": "bash_complete",
             "COMP_WORDS": "mortice door un", "COMP_CWORD": "2"})

    assert printed.stdout.strip() == "plain,unlock"
