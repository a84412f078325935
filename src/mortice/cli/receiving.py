"""A holder's device: asking for a key, taking one in, and using a link or key file once."""

from __future__ import annotations

import sys
import time

import segno

from mortice.cli import texts
from mortice.cli.handing import exchange, recovered, take_in
from mortice.cli.here import Here
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.problems import Problem, usage
from mortice.cli.sentences import Describer, grant_json
from mortice.cli.texts import CLAIM, FILE, KEY, REQUEST, SITE, STAPLE, Handover
from mortice.client.home import ALGORITHMS, slug
from mortice.client.wallet import HeldKey, Wallet, held
from mortice.core import cbor
from mortice.core.errors import Malformed


def request(here: Here, algorithm: str | None, *, qr: bool) -> None:
    """Make this device's key pair and print the request for a key."""
    name = here.person or here.settings.get("me")
    if name is None:
        raise usage("Whose key is it to be?", "Say so: mortice key request --as NAME")
    wallet = own(here, str(name), algorithm)
    key = wallet.key.public
    display = here.home.display_name(wallet.person)
    text = texts.write_request(key, display)
    if here.json:
        kind = next(name for name, alg in ALGORITHMS.items() if alg == key.alg)
        show_json({"name": display, "request": text, "algorithm": kind,
                   "check": texts.check_letters(key)})
        return
    say(text)
    if qr:
        draw(text)
    note(f"Give that to whoever has the keys. Both of you should see: {texts.check_letters(key)}")
    note("What comes back, take in with: mortice key add TEXT")


def draw(text: str) -> None:
    """A QR code in the terminal. Raises Problem for a text that no QR code holds."""
    try:
        code = segno.make(text, error="l", micro=False)
    except segno.DataOverflowError as error:
        raise Problem(
            "too_long", "That is too long for a QR code.", "Send the text instead.") from error
    code.terminal(out=sys.stdout, compact=True)


def own(here: Here, name: str, algorithm: str | None = None) -> Wallet:
    """The wallet of `name`, whose key pair is made if there is none. Raises Problem."""
    home = here.home
    if slug(name) not in home.people():
        home.make_person(name, algorithm or "ed25519")
        if "me" not in here.settings:
            home.write("settings.json", {**here.settings, "me": name})
    wallet = Wallet(home, slug(name))
    if algorithm is not None and wallet.key.public.alg != ALGORITHMS[algorithm]:
        raise Problem(
            "other_algorithm", f"{name} has a key of the other kind here already.",
            "Leave --algorithm out, or use another home with --home.")
    return wallet


# --- taking in -----------------------------------------------------------------------------


def add(here: Here, what: str) -> None:
    """Take in whatever was sent."""
    text = texts.given(what)
    kind = texts.kind_of(text)
    if kind == KEY:
        _add_key(here, texts.read_handover(KEY, text))
    elif kind in (CLAIM, FILE):
        _exchange(here, texts.read_handover(kind, text))
    elif kind == STAPLE:
        _add_staple(here, *texts.read_staple(text))
    elif kind == SITE:
        _add_site(here, texts.read_handover(SITE, text))
    elif kind == REQUEST:
        raise Problem(
            "wrong_text", "That is a request for a key, not a key.",
            "Whoever gives the key needs it: mortice key give NAME --doors … --request …")
    else:
        raise Malformed("Z3", f"that is nothing that Mortice writes; a key begins with {KEY}")


def _add_key(here: Here, handover: Handover) -> None:
    given = held(cbor.encode(handover.chain))
    wallet = _holder_of(here, given)
    take_in(here.home, handover)
    _tell(here, wallet, wallet.add(given.wire))


def _holder_of(here: Here, given: HeldKey) -> Wallet:
    """The person here whose device the key was made for. Raises Problem."""
    for person in here.home.people():
        wallet = Wallet(here.home, person)
        if wallet.key.public == given.leaf.holder:
            return wallet
    raise Problem(
        "other_device", "That key was made for another device.",
        "Ask for one for this device: mortice key request --as NAME")


def _add_staple(here: Here, staple: bytes, chain: list[cbor.Value] | None) -> None:
    taken = here.me.keep_staple(staple, chain)
    keys = here.me.keys()
    mine = [key for key in keys if key.leaf.id == taken.leaf]
    if not mine:
        raise Problem(
            "unknown_key", "That refresh is for a key that you do not have.",
            "Take the key in first: mortice key add TEXT")
    if here.json:
        show_json({"key": taken.leaf.hex(), "refreshed": taken.at})
    else:
        clock = Describer(here.home, int(time.time())).clock(mine[0].leaf)
        say(f"Your key {taken.leaf.hex()[:8]} was refreshed at {clock.say(taken.at)}.")


def _add_site(here: Here, handover: Handover) -> None:
    take_in(here.home, handover)
    if here.json:
        show_json({"site": here.home.site_name(), "version": here.home.site().version})
        return
    say(f"{plain(here.home.site_name())}: the owner's keys are of version "
        f"{here.home.site().version} now.")
    if recovered(here.home):
        note("They were made with the recovery sheet. Tell the doors with: mortice site deliver")


def claim(here: Here, link: str) -> None:
    """Use a link once."""
    text = texts.given(link)
    _exchange(here, texts.read_handover(FILE if texts.kind_of(text) == FILE else CLAIM, text))


def _exchange(here: Here, handover: Handover) -> None:
    given = held(cbor.encode(handover.chain))
    take_in(here.home, handover)
    name = here.person or here.settings.get("me") or given.leaf.label or "me"
    wallet = own(here, str(name))
    _tell(here, wallet, exchange(wallet, handover))
    if not here.json:
        note("The link or file is used up as soon as you open a door. Do not send it on.")


def _tell(here: Here, wallet: Wallet, taken: HeldKey) -> None:
    describer = Describer(here.home, int(time.time()))
    name = here.home.display_name(wallet.person)
    if here.json:
        names = describer.door_names(taken.leaf)
        show_json({"person": wallet.person, "key": grant_json(taken.leaf, names, {})})
        return
    say(plain(describer.sentence(name, taken.leaf)))
    first = next((d.slug for d in here.home.known_doors() if d.mapped.id in taken.leaf.doors), "")
    note(f"Try it with: mortice --as {wallet.person} door unlock {first}")


