"""What the owner lets this hub itself do: bounded links to its own key, and nothing else.

A hub is given at most two kinds: to vouch that keys are still good (`refresh`), and to issue for
visitors, within doors, hours, a longest stay and a number a day. Whatever could open a door, or set
a door's clock at will, is refused here, though a door would take it: a hub can be stolen.

Spec: spec/grant.md; spec/time.md, sections 2 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.core import cbor
from mortice.core.chain import read_chain, verify_chain
from mortice.core.errors import Theirs
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.messages import read_bundle
from mortice.core.revocation import (
    REVOKE,
    Revocation,
    RevocationSet,
    accept_revocation,
    first_revoked,
)
from mortice.core.site import Site, read_site
from mortice.hub.acts import note
from mortice.hub.hub import Hub
from mortice.hub.keys import links_of, wire_of
from mortice.hub.places import site_of
from mortice.hub.problems import Problem
from mortice.hub.saying import RIGHTS, listed
from mortice.hub.tables import ON_DOOR, Account, Delivery, Document, Door, HubGrant, Place, now
from mortice.hub.texts import read_keys, write_request

REFRESH, VISITORS = "refresh", "visitors"  # the words of `HubGrant.what`
VISITABLE = Rights.UNLOCK | Rights.LOCK | Rights.ENROL
NEEDED = Rights.UNLOCK | Rights.ENROL  # a visitor's PIN stands below a link of the hub's own
NOT_OURS = Problem(422, "not-this-hub", "That link was made for another key than this hub's",
                   "Nothing was kept. Use the request that stands on this page.")


def too_much(what: str, help_: str) -> Problem:
    """A link that would make this hub worth stealing."""
    return Problem(422, "too-much", what, f"Nothing was kept. {help_}")


def request_text(hub: Hub) -> str:
    """What the owner's device needs to give this hub a link."""
    return write_request(hub.own.signer.public, f"the hub at {hub.settings.origin}"[:120])


# --- taking a link in -----------------------------------------------------------------------------


def take_grants(db: Session, hub: Hub, place: Place, text: str, by: Account) -> list[HubGrant]:
    """Keep the links in a pasted text. Raises Malformed, Untrusted, Problem."""
    return [take_grant(db, hub, place, wire, by) for wire in read_keys(text)]


def take_grant(
    db: Session, hub: Hub, place: Place, wire: Sequence[cbor.Value], by: Account) -> HubGrant:
    """Keep a link that the owner signed for this hub. Raises Malformed, Untrusted, Problem."""
    links = verify_chain(read_chain(wire), site_of(place).chain_keys()).links
    leaf = links[-1]
    if leaf.holder != hub.own.signer.public:
        raise NOT_OURS
    what = _kind_of(leaf)
    known = db.scalar(select(HubGrant).where(HubGrant.leaf == leaf.id))
    if known is not None and known.ended_at is None:
        return known
    if known is not None:
        raise too_much("That link was stopped", "Give a new one.")
    if first_revoked(links, revoked_at(db, place)) is not None:
        raise too_much("That link was taken back", "Give a new one.")
    made = HubGrant(place_id=place.id, what=what, leaf=leaf.id, wire=cbor.encode([*wire]),
                    ends_at=leaf.exp)
    db.add(made)
    db.flush()
    note(db, "let the hub vouch for keys" if what == REFRESH else "let the hub issue to visitors",
         place, by, grant=made.ref)
    return made


def _kind_of(leaf: Grant) -> str:
    _must_open_nothing(leaf)
    if leaf.klass is not KeyClass.DEVICE:
        raise too_much("That link is for a browser, a file or a program", "Make it for the hub.")
    if leaf.exp is None:
        raise too_much("That link has no end", "Give one that ends, such as --until in a year: "
                       "until then it works for whoever steals the hub.")
    if leaf.use is Rights.REFRESH and not leaf.delegable:
        if leaf.max_staleness is not None:
            raise too_much("A key that must be refreshed itself refreshes no other",
                           "Leave --max-staleness out.")
        return REFRESH
    if not leaf.use and leaf.delegable:
        _must_be_bounded(leaf)
        return VISITORS
    raise too_much("That link is neither to refresh keys nor to issue to visitors",
                   "Use one of the two commands on this page.")


def _must_open_nothing(leaf: Grant) -> None:
    if Rights.SET_TIME in leaf.use:
        raise too_much(
            "That link would let this hub set the doors' clocks", "Whoever sets a clock by a key "
            "counts as the owner, and could make ended keys live again. A hub tells the time as "
            "one source among two, by the role time in the site's root.")
    more = leaf.use & ~Rights.REFRESH
    if more:
        words = listed([words for right, words in RIGHTS.items() if right & more])
        raise too_much(f"That link would let this hub {words} your doors",
                       "A hub that is stolen must open nothing. Leave --may as this page says.")


def _must_be_bounded(leaf: Grant) -> None:
    if NEEDED not in leaf.delegable or leaf.delegable not in VISITABLE:
        raise too_much("A link for visitors hands on opening, and putting PINs on doors",
                       "Use --may-pass-on unlock,enrol and nothing else.")
    if leaf.factors:
        raise too_much("That link would ask visitors for more than their key",
                       "Give it from a key that asks for no second check.")
    if leaf.max_life is None or leaf.quota is None:
        raise too_much("That link does not say how long a stay may be, or how many there may be",
                       "Use --pass-on-life, such as 14d, and --quota, such as 4.")


# --- which of them count --------------------------------------------------------------------------


def grants_of(db: Session, place: Place) -> Sequence[HubGrant]:
    """Every link that this hub was ever given here, newest first."""
    return db.scalars(select(HubGrant).where(
        HubGrant.place_id == place.id).order_by(HubGrant.id.desc())).all()


def live(db: Session, place: Place, what: str, at: int) -> list[HubGrant]:
    """Those that count at Unix second `at`, as far as this hub knows."""
    revoked = revoked_at(db, place)
    return [grant for grant in grants_of(db, place)
            if grant.what == what and grant.ended_at is None
            and all(_runs(link, at) for link in links_of(grant))
            and first_revoked(links_of(grant), revoked) is None]


def may_issue(db: Session, door: Door, at: int) -> bool:
    """Could a copy of any link to issue, stopped or not, open this door at `at` or later?"""
    if door.place.root is None:
        return False
    gone = revoked_at(db, door.place, door)
    return any(
        door.door_id in links[-1].doors and first_revoked(links, gone) is None
        and all(link.exp is None or at < link.exp for link in links)
        for grant in grants_of(db, door.place) if grant.what == VISITORS
        for links in [links_of(grant)])


def _runs(link: Grant, at: int) -> bool:
    return (link.nbf is None or link.nbf <= at) and (link.exp is None or at < link.exp)


def stop(db: Session, place: Place, grant: HubGrant, by: Account) -> None:
    """Never use a link again. A copy of it counts until it ends or is taken back at the doors."""
    grant.ended_at = grant.ended_at or now()
    note(db, "stopped the hub using a link", place, by, grant=grant.ref)


# --- what was taken back --------------------------------------------------------------------------


def revoked_at(db: Session, place: Place, door: Door | None = None) -> RevocationSet:
    """What was taken back here, by the signed documents: all, or those that `door` confirmed."""
    assert place.root is not None, "whoever asks has a key here, and keys have a root"
    found: dict[bytes, frozenset[tuple[bytes, bool]]] = {}
    known = None if door is None else set(db.scalars(select(Delivery.document_id).where(
        Delivery.door_id == door.id, Delivery.state == ON_DOOR)))
    for document in _revocations(db, place):
        if known is not None and document.id not in known:
            continue
        revocation = _revocation(place.root, document.item)
        if revocation is not None:
            by = frozenset({(revocation.signer, revocation.over_all)})
            for entry in revocation.entries:
                found[entry.named] = found.get(entry.named, frozenset()) | by
    return RevocationSet(found)


def told(db: Session, place: Place, grant: HubGrant) -> list[tuple[Door, Delivery | None]]:
    """The doors of a link that was taken back, with the news on its way there; else none."""
    names = {name for link in links_of(grant) for name in (link.id, link.holder.id)}
    documents = [document.id for document in _revocations(db, place)
                 if (found := _revocation(place.root or b"", document.item)) is not None
                 and names & {entry.named for entry in found.entries}]
    news = {each.door_id: each for each in db.scalars(select(Delivery).where(
        Delivery.document_id.in_(documents)).order_by(Delivery.state == ON_DOOR, Delivery.id))}
    return [(door, news.get(door.id)) for door in place.doors
            if news and door.door_id in links_of(grant)[-1].doors]


def _revocations(db: Session, place: Place) -> Sequence[Document]:
    return db.scalars(select(Document).where(
        Document.place_id == place.id, Document.kind == REVOKE)).all()


@lru_cache(maxsize=4096)
def _revocation(root: bytes, item: bytes) -> Revocation | None:
    """A kept revocation under this root; None if it does not hold under it any more."""
    try:
        carried = read_bundle([wire_of(item)])[0]
        return accept_revocation(
            _site(root), carried.document, carried.chain, carried.assertion)
    except Theirs:
        return None


@lru_cache(maxsize=64)
def _site(root: bytes) -> Site:
    return read_site(root)[0]
