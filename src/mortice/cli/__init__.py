"""The `mortice` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    from mortice.cli.app import root  # noqa: PLC0415 — `import mortice.cli` alone loads nothing

    root.main()
