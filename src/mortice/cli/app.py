"""The root of the command line: the nouns, the options for all of them, and what errors become."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from mortice.cli.command import LazyGroup, everywhere
from mortice.cli.here import Here, default_home
from mortice.cli.output import bear_any_terminal, note, plain, show_json
from mortice.cli.problems import FAILED, INTERRUPTED, USAGE, Problem, in_words, usage

NOUNS = {
    "demo": ("mortice.cli.demo", "a street of simulated doors, in your browser"),
    "door": ("mortice.cli.door", "unlock, lock, hold, show, list, add, settings, test …"),
    "key": ("mortice.cli.key", "request, give, add, pass on, take back, explain, list …"),
    "pin": ("mortice.cli.pin", "give, remove, list, spare codes"),
    "person": ("mortice.cli.person", "who has a key to what"),
    "log": ("mortice.cli.log", "show, follow, export, verify, proof"),
    "why": ("mortice.cli.why", "why a door said no"),
    "site": ("mortice.cli.site", "create, show, rotate, recover, deliver"),
    "lock": ("mortice.cli.lock", "run the daemon of one door"),
    "hub": ("mortice.cli.hub", "the web pages: run, backup, restore, doctor"),
    "assess": ("mortice.cli.assess", "how strong a door really is"),
    "conformity": ("mortice.cli.conformity", "Mortice itself beside standards and law; its parts"),
    "doctor": ("mortice.cli.doctor", "check this home, its keys and its doors"),
    "version": ("mortice.cli.about", "which version this is"),
    "completion": ("mortice.cli.about", "completion for bash, zsh or fish"),
}


class Root(LazyGroup):
    """Turns every error into one sentence and an exit code."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None,
        complete_var: str | None = None, standalone_mode: bool = True, **extra: Any,  # noqa: FBT001, FBT002, ANN401 — click's own
    ) -> NoReturn:
        """Run, then end the process."""
        words = list(sys.argv[1:] if args is None else args)
        bear_any_terminal()
        here = Here(folder=Path(os.environ.get("MORTICE_HOME") or default_home()))
        sys.exit(self._run(words, here, extra))

    def _run(self, words: list[str], here: Here, extra: dict[str, Any]) -> int:
        settings = {**extra, "prog_name": "mortice", "standalone_mode": False, "obj": here}
        try:
            code = super().main(words, **settings)
        except click.Abort:
            note("Interrupted.")
            return INTERRUPTED
        except click.exceptions.NoArgsIsHelpError as error:
            return _show_help(error.ctx, as_json="--json" in words)
        except click.ClickException as error:
            told = Problem("usage", error.format_message(), _help_for(error), USAGE)
        except BrokenPipeError:  # whoever read the output has had enough
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 — for the interpreter's last flush
            return FAILED
        except Exception as error:  # noqa: BLE001 — nobody is shown a traceback
            told = in_words(error)
        else:
            return code if isinstance(code, int) else 0
        return tell(told, as_json=here.json or "--json" in words)


def _show_help(context: click.Context, *, as_json: bool) -> int:
    """What was typed is only the beginning of a command."""
    if as_json:
        return tell(usage(
            f"{context.command_path} is only the beginning of a command.",
            f"See: {context.command_path} --help"), as_json=True)
    note(context.get_help())
    return USAGE


def tell(problem: Problem, *, as_json: bool) -> int:
    """Print a problem where it belongs; returns its exit code."""
    if as_json:
        show_json({"error": {
            "code": problem.code, "message": problem.message, "next": problem.after}})
    else:
        note(plain(problem.message))
        note(plain(problem.after))
    return problem.exit_code


def _help_for(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "mortice"
    return f"See: {command} --help"


@click.command(
    cls=Root, nouns=NOUNS, context_settings={"help_option_names": ["-h", "--help"]},
    examples=(
        "mortice demo                                   doors to play with, nothing to set up",
        "mortice door unlock front",
        "mortice key give Ana --doors front --always",
        "mortice why --door front --last",
        "mortice log verify front.log --lock-key KEY"),
    invoke_without_command=True)
@click.pass_context
def root(context: click.Context) -> None:
    """Keys, doors and the log, from the terminal. The door decides."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


root.params[:] = [*everywhere(hidden=False)]
root.epilog = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 unreachable, 5 not verified."
