"""From the site's keys down to the holder: every link signed by the one above, and narrower.

Decides whose key a chain is, or raises. Everything that can be judged from the chain alone is
judged here: signatures, binding of each link to its parent, and narrowing, bound by bound. What
depends on the moment (time, revocation, counts, factors) is decided in core/decision.py. A child
that claims more than its parent may hand on is refused, never trimmed: a trimmed link would still
say on somebody's screen what it does not do.

Spec: spec/grant.md, section 6. Checks C1 to C20, in this order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mortice.core.document import Document
from mortice.core.errors import Malformed, Untrusted
from mortice.core.grant import GRANT, Grant, KeyClass, Rights, read_grant
from mortice.core.keys import PublicKey
from mortice.core.limits import CHAIN_BYTES, CHAIN_LINKS
from mortice.core.passkey import Assertion, read_assertion
from mortice.core.schedule import within
from mortice.core.stages import Factors, Reader, Verified

if TYPE_CHECKING:
    from mortice.core.site import Role, Site


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """What a chain is rooted in: the site's id, the keys that sign first links, and its policy."""

    site: bytes
    grant_keys: dict[bytes, PublicKey]
    retired: dict[bytes, tuple[PublicKey, frozenset[bytes]]]  # with the first links that are kept
    strict: bool = False  # only device keys issue


# A chain travels as a list. A link is bytes, or [bytes, assertion] when a web key signed it.
Wire = Sequence[object]


@dataclass(frozen=True, slots=True)
class Link:
    """One parsed link and the assertion that came with it, if any."""

    grant: Grant
    assertion: Assertion | None


def read_chain(wire: Wire, *, last: str = GRANT) -> tuple[Link, ...]:
    """Parse a chain within its bounds, without trusting it. `last` is the kind of the last link."""
    if not isinstance(wire, list | tuple) or not 1 <= len(wire) <= CHAIN_LINKS:
        raise Malformed("C1", f"chain: expected 1 to {CHAIN_LINKS} links")
    pairs = [_split(item) for item in wire]
    if sum(len(encoded) for encoded, _ in pairs) > CHAIN_BYTES:
        raise Malformed("C2", f"chain: longer than {CHAIN_BYTES} bytes")
    kinds = [GRANT] * (len(pairs) - 1) + [last]
    return tuple(
        Link(read_grant(encoded, kind), assertion)
        for (encoded, assertion), kind in zip(pairs, kinds, strict=True))


def _split(item: object) -> tuple[bytes, Assertion | None]:
    if isinstance(item, bytes):
        return item, None
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], bytes):
        return item[0], read_assertion(item[1])
    raise Malformed("C1", "chain: a link is bytes, or bytes with a passkey's assertion")


def verify_chain(
    links: Sequence[Link], site: SiteKeys, *, factors: Factors = Factors.NONE,
    reader: Reader = Reader.LINK,
) -> Verified:
    """Check a parsed chain against the site's keys. Raises Untrusted (C3 to C20, D, K)."""
    above = _verify_first(links[0].grant, site)
    for link in links[1:]:
        _verify_link(above, link, site)
        above = link.grant
    return Verified(tuple(link.grant for link in links), factors, reader)


def _verify_first(grant: Grant, site: SiteKeys) -> Grant:
    document = _document(grant)
    if grant.parent is not None:
        raise Untrusted("C3", "chain: the first link must be signed by the site")
    if grant.site != site.site:  # C4
        raise Untrusted("C4", "chain: the key is for another site")
    kid = document.kid or b""
    retired, kept = site.retired.get(kid, (None, ()))
    key = retired if document.id in kept else site.grant_keys.get(kid)  # C5
    if key is None:
        raise Untrusted("C5", "chain: the first link's signer is no key of this site")
    document.verify(key)
    return grant


def _document(grant: Grant) -> Document:
    assert grant.document is not None, "links in a chain come from read_grant"
    return grant.document


def _verify_link(above: Grant, link: Link, site: SiteKeys) -> None:
    grant = link.grant
    if grant.parent != above.id:  # C6: no splice below another link, no gap, no other order
        raise Untrusted("C6", "chain: a link belongs below another link than it stands")
    _verify_issuer(above, link, site)
    _document(grant).verify(above.holder)
    problem = narrower(above, grant)
    if problem:
        raise Untrusted(problem[0], f"chain: {problem[1]}")


def _verify_issuer(above: Grant, link: Link, site: SiteKeys) -> None:
    """C18 to C20: what the class of the issuer's key allows it to sign."""
    if above.klass is KeyClass.FILE and link.grant.klass is KeyClass.FILE:
        raise Untrusted("C18", "chain: a key file is exchanged for a device's key, not for a file")
    if site.strict and above.klass in (KeyClass.WEB, KeyClass.BRIDGE):
        raise Untrusted("C19", "chain: only device keys issue at this site")
    if above.klass is KeyClass.WEB:
        if above.passkey is None or above.max_life is None or link.assertion is None:
            raise Untrusted("C20", "chain: a link from a browser's key needs its passkey's touch")
        link.assertion.verify(above.passkey, link.grant.id + above.id)


Problem = tuple[str, str] | None


def _depth(above: Grant, below: Grant) -> Problem:
    # An enrolment is the holder's own way in, so it is not handed on.
    if below.credential is None and below.depth >= above.depth:
        return "C7", "handed on more often than allowed"
    return None


def _doors(above: Grant, below: Grant) -> Problem:
    return None if below.doors <= above.doors else ("C8", "a door that the link above has not")


def _rights(above: Grant, below: Grant) -> Problem:
    # An enrolment is the holder's own way in, so it may carry what the holder may do itself.
    giveable = above.use | above.delegable if below.credential else above.delegable
    if below.use not in giveable or below.delegable not in above.delegable:
        return "C9", "a right that the link above may not hand on"
    return None


def _window(above: Grant, below: Grant) -> Problem:
    if above.nbf is not None and (below.nbf is None or below.nbf < above.nbf):
        return "C10", "starts before the link above"
    if above.exp is not None and (below.exp is None or below.exp > above.exp):
        return "C11", "ends after the link above"
    return None


def _life(above: Grant, below: Grant) -> Problem:
    if above.max_life is None:
        return None
    if below.nbf is None or below.exp is None or below.exp - below.nbf > above.max_life:
        return "C12", "lives longer than allowed"
    if below.depth and (below.max_life is None or below.max_life > above.max_life):
        return "C12", "lets others live longer than allowed"
    return None


def _hours(above: Grant, below: Grant) -> Problem:
    if above.hours is None or (below.hours is not None and within(below.hours, above.hours)):
        return None
    return "C13", "hours outside those of the link above"


def _factors(above: Grant, below: Grant) -> Problem:
    return None if above.factors in below.factors else ("C14", "drops a second check")


def _no_more(check: str, what: str, above: int | None, below: int | None) -> Problem:
    if above is None or (below is not None and below <= above):
        return None
    return check, what


def _counts(above: Grant, below: Grant) -> Problem:
    return (
        _no_more("C15", "may go stale for longer", above.max_staleness, below.max_staleness)
        or _no_more("C16", "more uses than the link above", above.uses, below.uses)
        or (_no_more("C17", "a larger quota", above.quota, below.quota) if below.depth else None)
    )


NARROWING = (_depth, _doors, _rights, _window, _life, _hours, _factors, _counts)


def has_right(links: Sequence[Grant], right: Rights) -> bool:
    """May the holder of the last link use `right`, with every link above handing it on?"""
    return right in links[-1].use and all(right in link.delegable for link in links[:-1])


def accept_signer(
    site: Site, document: Document, chain: Wire | None, may: tuple[Role, Rights, bytes | None],
    check: str,
) -> Verified | None:
    """Verify a document by a key of the role (then None), or by whoever has the right at the door.

    Without a door the right counts wherever the signer has it. Raises Untrusted (`check`, C, D, K).
    """
    role, right, door = may
    key = site.key(role, document.kid)
    if key is not None:
        document.verify(key)
        return None
    if chain is None:
        raise Untrusted(check, "the signer has neither the role nor a key that gives the right")
    signer = verify_chain(read_chain(chain), site.chain_keys())
    document.verify(signer.leaf.holder)
    # A browser's key signs with a touch only, and no touch comes with these.
    web, there = signer.leaf.klass is KeyClass.WEB, door is None or door in signer.leaf.doors
    if web or not there or not has_right(signer.links, right):
        raise Untrusted(check, "the signer's key does not give the right here")
    return signer


def narrower(above: Grant, below: Grant) -> Problem:
    """The first bound that `below` breaks, as (check, words), or None."""
    return next((problem for check in NARROWING if (problem := check(above, below))), None)
