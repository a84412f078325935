"""Giving a key: to a device that asked, as a link, as a file, or to somebody in the same home."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mortice.cli import texts
from mortice.cli.handing import hand_over
from mortice.cli.here import Here
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.picking import held_key
from mortice.cli.problems import REFUSED, Problem, usage
from mortice.cli.receiving import draw
from mortice.cli.sentences import Describer, grant_json
from mortice.cli.terms import Asked, read_terms
from mortice.cli.texts import CLAIM, FILE, KEY, LINK, Asking
from mortice.client import owner
from mortice.client.home import new_key, slug
from mortice.client.owner import Terms
from mortice.client.wallet import HeldKey, Wallet, encode_chain, held
from mortice.core import cbor
from mortice.core.errors import Untrusted
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.keys import PublicKey
from mortice.core.site import Role
from mortice.core.stages import Factors

BROWSER_SECONDS = 365 * 86_400  # no key in a browser, and none given from one, lasts longer
BEHIND_SECONDS = 60  # more than any honest lock's clock is behind
Signing = Callable[[PublicKey, Terms], list[cbor.Value]]


@dataclass(frozen=True)
class How:
    """Which way the key goes to its holder."""

    request: str | None
    link: bool
    file: Path | None
    qr: bool

    @property
    def ways(self) -> int:
        """How many were named."""
        return (self.request is not None) + self.link + (self.file is not None)


@dataclass(frozen=True)
class Made:
    """A key that was signed, and what goes to its holder; no text if it lies here already."""

    name: str
    kind: str
    chain: list[cbor.Value]
    text: str | None

    @property
    def held(self) -> HeldKey:
        """The chain, parsed."""
        return held(encode_chain(self.chain))


def give(here: Here, name: str, asked: Asked, how: How) -> None:
    """A first link, signed by the owner."""
    terms = read_terms(here, asked, name)
    _check_ways(here, name, terms, how)
    asking = None if how.request is None else texts.read_asking(texts.given(how.request))
    for each in links_for(terms, asking):
        _say_what(here, name, owner.unsigned(each, new_key().public))  # before it is signed
    grant_key = here.site_key(Role.GRANT)
    made = _make(here, name, terms, how, asking, lambda holder, wanted: owner.give(
        here.home, grant_key, holder, wanted))
    _finish(here, made, how)


def pass_key_on(
    here: Here, name: str, asked: Asked, how: How, wanted_key: str | None) -> None:
    """A link below one of one's own keys."""
    terms = read_terms(here, asked, name)
    _check_ways(here, name, terms, how)
    mine = here.me
    parent = held_key(mine, wanted_key) if wanted_key else _widest(mine, terms)
    if asked.may is None:  # whatever of the ordinary rights may be handed on
        terms = replace(terms, use=terms.use & parent.leaf.delegable or terms.use)
    if parent.leaf.max_life is not None and terms.nbf is None:
        terms = replace(terms, nbf=_from_now(parent.leaf, terms.exp))
    asking = None if how.request is None else texts.read_asking(texts.given(how.request))
    try:
        made = _make(here, name, terms, how, asking, lambda holder, wanted: owner.pass_on(
            parent, mine.key, holder, wanted))
    except Untrusted as error:
        may = Describer(here.home, int(time.time())).passing_on(parent.leaf)
        raise Problem(
            "not_narrower", f"{error.message[:1].upper()}{error.message[1:]} ({error.check}).",
            f"Your key may pass on: {may}.", REFUSED) from error
    _say_what(here, name, made.held.leaf if made.kind == "key" else replace(
        made.held.leaf, use=made.held.leaf.delegable))
    _finish(here, made, how)


def _from_now(above: Grant, exp: int | None) -> int:
    """When a key begins that begins at once: a little earlier, as a lock's clock may be behind."""
    now = int(time.time())
    earliest = 0 if exp is None or above.max_life is None else exp - above.max_life
    return max(min(now, max(now - BEHIND_SECONDS, earliest)), above.nbf or 0)


def _widest(mine: Wallet, terms: Terms) -> HeldKey:
    """One's own key that comes nearest to allowing it. Raises Problem where none may."""
    now, keys = int(time.time()), mine.keys()
    able = [key for key in keys if key.leaf.depth]
    if not able:
        raise Problem(
            "not_narrower", "None of your keys may be passed on.",
            "Ask whoever gave you the key to give the other one as well.", REFUSED)
    return max(able, key=lambda key: (
        terms.doors <= key.leaf.doors, not terms.use & ~key.leaf.delegable, key.alive(now),
        key.leaf.depth))


def _check_ways(here: Here, name: str, terms: Terms, how: How) -> None:
    at_home = slug(name) in here.home.people()
    if how.ways > 1:
        raise usage("A key goes one way.", "Choose one of --request, --link and --file.")
    if not how.ways and not at_home:
        raise usage(
            f"How should {name} get the key?",
            "Use --request with what mortice key request printed there, or --link, or --file.")
    if terms.depth and (how.link or how.file):
        raise usage(
            "A key made as a link or file is passed on once, to its holder, and not further.",
            "Use --request, so that the key is made for the device itself.")
    if how.file is not None and how.file.exists():
        raise usage(f"{how.file} is there already.", "Name a file that is not there yet.")


def _say_what(here: Here, name: str, grant: Grant) -> None:
    """What is signed, with the doors' names from the signed map."""
    if not here.json:
        note(plain(Describer(here.home, int(time.time())).sentence(name, grant)))


def _make(  # noqa: PLR0913, PLR0917 — who gets what, which way, and who signs
    here: Here, name: str, terms: Terms, how: How, asking: Asking | None, sign: Signing) -> Made:
    if how.link or how.file is not None:
        return _made_for_another(here, name, terms, how, sign)
    if asking is None:
        wallet = Wallet(here.home, slug(name))
        return _kept(here, Made(name, "key", wallet.add(sign(wallet.key.public, terms)).wire, None))
    if not here.json:
        note(_for_whom(asking))
    made = []
    for each in links_for(terms, asking):
        chain = sign(asking.key, each)
        text = texts.write_handover(KEY, hand_over(here.home, chain))
        made.append(_kept(here, Made(name, "key", chain, text)))
    return replace(made[0], text="\n".join(str(one.text) for one in made))


def _for_whom(asking: Asking) -> str:
    letters = texts.check_letters(asking.key)
    if asking.passkey is None:
        return f"For the device of {plain(asking.name)}; it should show: {letters}"
    return (f"For a browser of {plain(asking.name)} at {plain(asking.passkey.origin)}; it should "
            f"show: {letters}")


def links_for(terms: Terms, asking: Asking | None) -> list[Terms]:
    """What is signed for whoever asks: for a browser, opening and giving are two keys.

    Opening asks for the passkey's touch. Giving must not: whatever stands below a key needs every
    second check of that key (C14), and a guest's phone has no such passkey. Each thing that a
    browser signs needs a touch anyway (C20).
    """
    if asking is None or asking.passkey is None:
        return [terms]
    ends = int(time.time()) + BROWSER_SECONDS
    web = replace(terms, klass=KeyClass.WEB, passkey=asking.passkey,
                  exp=ends if terms.exp is None else terms.exp)
    opening = replace(
        web, use=terms.use & ~Rights.ENROL, delegable=Rights.NONE, depth=0, max_life=None,
        quota=None, factors=terms.factors | Factors.PASSKEY)
    giving = replace(web, use=terms.delegable & Rights.ENROL,
                     max_life=terms.max_life or BROWSER_SECONDS)
    return [opening, giving] if terms.depth else [opening]


def _made_for_another(here: Here, name: str, terms: Terms, how: How, sign: Signing) -> Made:
    """A key pair made here for somebody else: exchanged at first use, marked in the log."""
    secret = new_key()
    chain = sign(secret.public, replace(
        terms, klass=KeyClass.FILE, delegable=terms.use, depth=1,
        use=Rights.NONE if how.link else terms.use))
    handover = hand_over(here.home, chain, secret.seed)
    if how.link:
        text = LINK + texts.write_handover(CLAIM, handover)
        return _kept(here, Made(name, "link", chain, text))
    text = texts.write_handover(FILE, handover)
    assert how.file is not None, "a link or a file"
    descriptor = os.open(how.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
    return _kept(here, Made(name, "file", chain, None))


def _kept(here: Here, made: Made) -> Made:
    here.home.keep_issued(
        made.held.links, made.name, kind=made.kind, chain=encode_chain(made.chain))
    return made


def _finish(here: Here, made: Made, how: How) -> None:
    leaf = made.held.leaf
    describer = Describer(here.home, int(time.time()))
    if here.json:
        show_json({
            "name": made.name, "kind": made.kind, "text": made.text,
            "file": str(how.file) if how.file else None,
            "key": grant_json(leaf, describer.door_names(leaf), here.home.names())})
        return
    if made.text is not None:
        say(made.text)
        if how.qr:
            draw(made.text)
    kind = "browser" if leaf.klass is KeyClass.WEB else made.kind
    note(AFTER[kind if made.text or made.kind == "file" else "here"].format(
        name=plain(made.name), file=how.file))


AFTER = {
    "key": "Send that to {name}, who takes it in with: mortice key add TEXT",
    "browser": "Send that to {name}, who pastes it into the page that asked for it.",
    "link": "Send that to {name} alone: whoever opens it first has the key. It is taken in with: "
            "mortice key claim LINK",
    "file": "Written to {file}. Whoever has the file has the key until {name} takes it in with: "
            "mortice key add FILE",
    "here": "{name} has it: the key lies in this home.",
}
