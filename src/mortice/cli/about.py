"""`mortice version` and `mortice completion`."""

from __future__ import annotations

import platform

import click
from click.shell_completion import get_completion_class

import mortice
from mortice.cli.command import PASS_HERE, Command
from mortice.cli.here import Here
from mortice.cli.output import note, say, show_json


@click.command(cls=Command, examples=("mortice version", "mortice version --json"))
@PASS_HERE
def version(here: Here) -> None:
    """Which version this is."""
    if here.json:
        show_json({"version": mortice.__version__, "python": platform.python_version(),
                   "system": platform.platform(terse=True)})
    else:
        say(f"mortice {mortice.__version__}")


@click.command(cls=Command, examples=(
    "mortice completion bash >> ~/.bashrc", "mortice completion zsh >> ~/.zshrc",
    "mortice completion fish > ~/.config/fish/completions/mortice.fish"))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what teaches a shell the commands and options."""
    found = get_completion_class(shell)
    assert found is not None, "click knows all three"
    root = context.find_root().command
    complete = found(root, {}, "mortice", "_MORTICE_COMPLETE")
    try:
        say(complete.source())
    except RuntimeError as error:  # an old bash
        note(f"{error}")
