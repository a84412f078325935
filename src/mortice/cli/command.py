"""How every command looks: the same four options everywhere, and help that begins with examples."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from mortice.cli.here import Here

F = TypeVar("F", bound=Callable[..., object])
EVERYWHERE = (
    "Everywhere: --json for scripts, --home DIR for another home, --as PERSON for another "
    "person's key, --no-input to ask nobody, -h for help.")


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _: click.Parameter, value: object) -> None:
        if value is not None and not context.resilient_parsing:
            setattr(context.ensure_object(Here), name, value)
    return callback


def everywhere(*, hidden: bool) -> list[click.Parameter]:
    """The options that stand before or after any command."""
    return [
        click.Option(
            ["--json"], is_flag=True, default=None, expose_value=False, hidden=hidden,
            callback=_keep("json"), help="Print JSON, one line, as docs/cli.md says."),
        click.Option(
            ["--home"], type=click.Path(path_type=Path), expose_value=False, hidden=hidden,
            callback=_keep("folder"), metavar="DIR",
            help="Folder of keys and settings; also MORTICE_HOME."),
        click.Option(
            ["--as"], expose_value=False, hidden=hidden, callback=_keep("person"),
            metavar="PERSON", help="Whose key in that folder to use."),
        click.Option(
            ["--no-input"], is_flag=True, flag_value=False, type=bool, default=None,
            expose_value=False, hidden=hidden, callback=_keep("input"),
            help="Ask nothing; fail where an answer is needed."),
    ]


class Command(click.Command):
    """A command with examples at the top of its help."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:  # noqa: ANN401 — click's own
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params += everywhere(hidden=True)
        self.epilog = EVERYWHERE

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples first, then what it does, then the rest."""
        write_examples(self.examples, formatter)
        super().format_help(context, formatter)


def write_examples(examples: tuple[str, ...], formatter: click.HelpFormatter) -> None:
    """The examples as they are typed."""
    if examples:
        formatter.write("Examples:\n")
        for example in examples:
            formatter.write(f"  {example}\n")
        formatter.write("\n")


class Group(click.Group):
    """A noun: its verbs are commands as above."""

    command_class = Command

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:  # noqa: ANN401 — click's own
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params += everywhere(hidden=True)
        self.epilog = EVERYWHERE

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """As for commands."""
        write_examples(self.examples, formatter)
        super().format_help(context, formatter)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The first sentence of each, whole."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_sentence(command))
                                for name, command in self.commands.items()])


def _first_sentence(command: click.Command) -> str:
    return (command.help or "").split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".")


class LazyGroup(Group):
    """The root: a noun's module is imported when the noun is typed."""

    def __init__(self, *args: Any, nouns: dict[str, tuple[str, str]], **kwargs: Any) -> None:  # noqa: ANN401 — click's own
        super().__init__(*args, **kwargs)
        self.nouns = nouns

    def list_commands(self, context: click.Context) -> list[str]:
        """All nouns, in the order in which people meet them."""
        return list(self.nouns)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import and return one noun."""
        if name not in self.nouns:
            return None
        module = import_module(self.nouns[name][0])
        found: click.Command = getattr(module, name)
        return found

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """A few words each, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.nouns.items()])


PASS_HERE = click.make_pass_decorator(Here, ensure=True)


def passphrase_option(function: F) -> F:
    """`--passphrase-file` for commands that sign as the owner."""
    return click.option(
        "--passphrase-file", type=click.Path(path_type=Path, dir_okay=False), expose_value=False,
        callback=_keep("passphrase_file"), metavar="FILE",
        help="File with the owner's passphrase in its first line.")(function)
