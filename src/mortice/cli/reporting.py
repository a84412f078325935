"""A report on a door, checked without whoever made it: signature, verdict from its facts, paper."""

from __future__ import annotations

from pathlib import Path

import click

from mortice.assess.model import model
from mortice.assess.report import MOST_BYTES, Table, judged_again, unsealed
from mortice.cli.command import PASS_HERE, Command
from mortice.cli.here import Here
from mortice.cli.output import plain, say, show_json
from mortice.cli.problems import UNVERIFIED, Problem
from mortice.core.errors import Malformed
from mortice.core.keys import PublicKey

FOLLOWS = {
    True: "Its verdict follows from its facts: judged again here, it is the same.",
    None: "Its verdict was made by another release than this one, so it was not judged again."}


@click.command(cls=Command, examples=(
    "mortice assess report report.json", "mortice assess report report.json --pdf report.pdf"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--hub-key", metavar="KEY", help="The key that must have signed it, as its owner "
              "or an older report says.")
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT",
              help="Write it as PDF, byte for byte as the hub does.")
@PASS_HERE
def report(here: Here, file: Path, hub_key: str | None, pdf: Path | None) -> None:
    """Check a saved report on how strong a door is, and judge its facts again."""
    with file.open("rb") as opened:
        said, key = unsealed(opened.read(MOST_BYTES + 1))
    if hub_key is not None and hub_key.strip().lower() != key.encoded.hex():
        raise Problem("not_genuine", "Another key signed this report.",
                      "Ask whoever sent it which hub made it, and do not use this one.", UNVERIFIED)
    try:
        same = judged_again(model(), said)
        paper = _paper(said, key) if pdf is not None else b""
        shown = {name: str(said[name]) for name in ("door", "place", "day", "made", "release")}
        headline = str(said["verdict"]["headline"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Malformed("B28", "report: something in it has not the form that a report has") from (
            error)
    if same is False:
        raise Problem("not_genuine", "Its verdict does not follow from the facts beside it.",
                      "Do not use it. Whoever signed it wrote another verdict.", UNVERIFIED)
    if pdf is not None:
        pdf.write_bytes(paper)
    if here.json:
        show_json(shown | {"headline": headline, "signed_by": key.encoded.hex(),
                           "judged_again": same is True})
        return
    say(plain(f"{shown['door']}, {shown['place']}, as of {shown['day']}"))
    say(plain(headline))
    say(FOLLOWS[same])
    say(f"Signed by {key.encoded.hex()}" + ("." if hub_key else
        ": that is worth what you know of this key. Ask the hub's owner for it."))


def _paper(said: Table, key: PublicKey) -> bytes:
    try:
        from mortice.hub.report_paper import report_paper  # noqa: PLC0415 - only a hub has it
    except ImportError as error:
        raise Problem("not_here", "This installation writes no PDF.",
                      "Install mortice[hub], or leave out --pdf.") from error
    return report_paper(said, key)
