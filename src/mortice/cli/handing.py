"""Handing a key over and taking one in: what travels with it, and what a home then believes.

A home that knows no site yet believes the first root that it is handed, as a phone does when its
owner scans a key. After that a root follows a root only by signatures; a home belongs to one site.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from mortice.cli.problems import Problem
from mortice.cli.texts import Handover
from mortice.client.home import Home
from mortice.client.owner import Terms, pass_on
from mortice.client.wallet import HeldKey, Wallet, held
from mortice.core import cbor
from mortice.core.errors import Malformed, Theirs, Untrusted
from mortice.core.grant import KeyClass
from mortice.core.site import (
    Site,
    accept_doors,
    accept_first,
    accept_next,
    read_site,
    recovers,
)


def hand_over(home: Home, chain: list[cbor.Value], secret: bytes = b"") -> Handover:
    """What goes to a holder with `chain`; addresses only of the doors that the key is for."""
    wanted = held(cbor.encode(chain)).leaf.doors if chain else None
    where = [
        (door.mapped.id, door.host, door.port) for door in home.known_doors()
        if door.port and (wanted is None or door.mapped.id in wanted)]
    return Handover(home.roots(), home.doors_bytes(), chain, where, home.site_name(), secret)


def take_in(home: Home, handover: Handover) -> None:
    """Believe the site's documents as far as they follow from what this home believes already.

    Raises Problem for another site, Malformed and Untrusted for what does not follow.
    """
    if not handover.roots:
        raise Malformed("Z3", "that text names no site")
    known = home.roots() if home.read("site.json") is not None else []
    site = _follow(known, handover.roots)
    if known and read_site(known[0])[0].id != site.id:
        raise Problem(
            "other_site", f"This home belongs to {home.site_name() or 'another site'}, and that "
            f"is for {handover.site_name or 'another one'}.",
            "Keep it in a home of its own: mortice --home DIR …")
    doors = _newer_doors(home, site, handover) if len(handover.roots) >= len(known) else None
    for at, root in enumerate(handover.roots[len(known):], start=len(known)):
        last = at == len(handover.roots) - 1
        home.keep_site(root=root, doors=doors if last else None, name=handover.site_name)
    if doors and len(handover.roots) == len(known):
        home.keep_site(doors=doors)
    mapped = {door.mapped.id for door in home.known_doors()}
    for door, host, port in handover.where:
        if door in mapped:
            home.keep_address(door, host, port)


def _follow(known: list[bytes], roots: list[bytes]) -> Site:
    """The newest of `roots`, each of which must follow the one before. Raises Untrusted."""
    site = accept_first(roots[0])
    for root in roots[1:]:
        site = next_root(site, root)
    for ours, theirs in zip(known, roots, strict=False):
        mine, other = read_site(ours)[0], read_site(theirs)[0]
        if ours != theirs and mine.id == other.id:
            raise Untrusted("S8", f"site: two different roots have version {mine.version}")
    return site


def next_root(present: Site, root: bytes) -> Site:
    """The root that follows, by phone and paper or by paper alone. Raises Untrusted.

    Whoever recovers with paper may have known an older root than the doors, so that root may leave
    versions out: the paper itself is the same in all of them.
    """
    try:
        return accept_next(present, root)
    except Untrusted:
        skipped = max(present.version, read_site(root)[0].version - 1)
        return recovers(replace(present, version=skipped), root)


def recovered(home: Home) -> bool:
    """Is one of the roots here signed by paper alone?"""
    for before, root in pairwise(home.roots()):
        try:
            accept_next(read_site(before)[0], root)
        except Theirs:
            return True
    return False


def _newer_doors(home: Home, site: Site, handover: Handover) -> bytes | None:
    if handover.doors is None:
        return None
    known = home.doors() if home.read("site.json") is not None else None
    newer = accept_doors(site, handover.doors)
    return handover.doors if known is None or newer.version > known.version else None


def exchange(wallet: Wallet, handover: Handover) -> HeldKey:
    """Use a claim link or key file once: its key signs one link, to this device's own key."""
    parent, claim = held(cbor.encode(handover.chain)), handover.claim_key
    leaf = parent.leaf
    if leaf.klass is not KeyClass.FILE or leaf.holder != claim.public:
        raise Untrusted("Z5", "the secret in that text does not belong to its key")
    terms = Terms(leaf.doors, leaf.delegable, label=leaf.label)
    return wallet.add(pass_on(parent, claim, wallet.key.public, terms))
