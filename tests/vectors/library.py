"""The first door: each vector read by the function of the core that is there for it.

A reader returns what was accepted, written as the vector writes it, or raises what the product
raises. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mortice.core import cbor
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import Command
from mortice.core.decision import Ask, Facts, Tally, decide
from mortice.core.document import parse
from mortice.core.errors import Malformed, Untrusted
from mortice.core.freshness import Staple, accept_staple
from mortice.core.keys import PublicKey, normalise_p256_der
from mortice.core.revocation import Revocation, RevocationSet, accept_revocation, first_revoked
from mortice.core.site import Place, Site, accept_doors, accept_first
from mortice.core.stages import Count, Factors, Granted, Instant, Refused, TimeState, Verified
from mortice.lockd.ownership import zone_named
from tests.vectors.vector import Fields, Vector, raw, wire


def outcome(vector: Vector) -> Fields:
    """What the core says, in the form of a vector's `expected`."""
    try:
        value = READERS[vector.reader](vector.input)
    except Malformed as error:
        return {"class": "malformed", "check": error.check}
    except Untrusted as error:
        return {"class": "untrusted", "check": error.check}
    if isinstance(value, Refused):
        return {"class": "refused", "check": value.check, "reason": value.reason.value,
                "coarse": value.reason.words.coarse.value}
    if isinstance(value, Granted):
        return {"class": "granted", "value": _granted(value)}
    return {"class": "accepted", "value": value}


# --- values and keys -------------------------------------------------------------------------------


def written(value: cbor.Value) -> Any:  # noqa: ANN401 (as a vector writes a value)
    """A decoded value as the vectors write it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list):
        return [written(item) for item in value]
    return {"map": [[written(key), written(item)] for key, item in value.items()]}


def _cbor(given: Fields) -> Fields:
    bounds = {key: given[key] for key in ("max_bytes", "max_depth") if key in given}
    return {"decoded": written(cbor.decode(raw(given["bytes"]), **bounds))}


def _key(encoded: str) -> PublicKey:
    return PublicKey.from_cose(cbor.decode(raw(encoded)))


def _public_key(given: Fields) -> Fields:
    key = _key(given["cose"])
    return {"id": key.id.hex(), "alg": key.alg}


def _signature(given: Fields) -> Fields:
    _key(given["key"]).verify(raw(given["signature"]), raw(given["message"]))
    return {}


def _der_signature(given: Fields) -> Fields:
    return {"signature": normalise_p256_der(raw(given["der"])).hex()}


# --- documents and chains --------------------------------------------------------------------------


def _document(given: Fields) -> Fields:
    document = parse(given["kind"], raw(given["document"]))
    document.verify(_key(given["key"]))
    return {"id": document.id.hex(), "payload": document.payload.hex()}


def site_of(given: Fields) -> Site:
    """The root that the lock under test stands on."""
    return accept_first(raw(given["site"]))


def verified(given: Fields, site: Site, factors: Factors = Factors.NONE) -> Verified:
    """The chain of a vector, or what is wrong with it."""
    return verify_chain(read_chain(wire(given["chain"])), site.chain_keys(), factors=factors)


def _chain(given: Fields) -> Fields:
    found = verified(given, site_of(given))
    return {"links": [link.id.hex() for link in found.links], "holder": found.leaf.holder.id.hex()}


# --- decisions -------------------------------------------------------------------------------------


def _decision(given: Fields) -> Granted | Refused:
    site, facts = site_of(given), given["facts"]
    factors = Factors.NONE
    for name in facts.get("shown", ()):
        factors |= Factors[name.upper()]
    ask = Ask(Command[given["command"].upper()], given.get("until"))
    return decide(verified(given, site, factors), ask, _facts(given, site, facts))


def place_of(given: Fields, site: Site) -> Place:
    """Where the lock under test stands."""
    mapped = accept_doors(site, raw(given["doors"])).door(raw(given["door"]))
    assert mapped is not None, "the map of a vector names its door"
    return Place(site, mapped.id, mapped.lock.id, zone_named(mapped.zone))


def _facts(given: Fields, site: Site, facts: Fields) -> Facts:
    now, second = facts["now"], facts.get("second")
    return Facts(
        place_of(given, site), Instant(now["at"], now["floor"], TimeState[now["state"].upper()]),
        revoked_by(facts.get("revoked", []), site), _tally(facts),
        _staple(facts.get("staple"), site),
        None if second is None else verified(second, site), facts.get("power_low", False),
        facts.get("log_full", False), facts.get("rolled_back", False))


def _tally(facts: Fields) -> Tally:
    return Tally(
        {raw(item["link"]): item["count"] for item in facts.get("uses", ())},
        {raw(item["link"]): frozenset(map(raw, item["leaves"]))
         for item in facts.get("leaves_today", ())},
        {raw(item["link"]): raw(item["child"]) for item in facts.get("claimed", ())})


def _staple(given: Fields | None, site: Site) -> Staple | None:
    """A staple that cannot be trusted is no staple (spec/decision.md, rule R8)."""
    if given is None:
        return None
    chain = wire(given["chain"]) if "chain" in given else None
    try:
        return accept_staple(site, raw(given["document"]), chain)
    except (Malformed, Untrusted):
        return None


def _granted(granted: Granted) -> Fields:
    towards = granted.towards.value if granted.towards else None
    return {"towards": towards, "counts": [_count(count) for count in granted.counts]}


def _count(count: Count) -> Fields:
    return {"kind": count.kind.value, "link": count.link.hex(), "leaf": count.leaf.hex(),
            "day": count.day, "expires": count.expires}


# --- revocation ------------------------------------------------------------------------------------


def delta(given: Fields, site: Site) -> Revocation:
    """One revoke document, verified."""
    chain = wire(given["chain"]) if "chain" in given else None
    touch = wire(given["assertion"]) if "assertion" in given else None
    return accept_revocation(site, raw(given["document"]), chain, touch)


def revoked_by(deltas: list[Fields], site: Site) -> RevocationSet:
    """The union of several deltas."""
    entries: dict[bytes, frozenset[tuple[bytes, bool]]] = {}
    for one in deltas:
        found = delta(one, site)
        for entry in found.entries:
            by = entries.get(entry.named, frozenset())
            entries[entry.named] = by | {(found.signer, found.over_all)}
    return RevocationSet(entries)


def _revocation(given: Fields) -> Fields:
    found = delta(given, site_of(given))
    return {"id": found.id.hex(), "signer": found.signer.hex(), "over_all": found.over_all,
            "entries": [[entry.named.hex(), entry.expires] for entry in found.entries]}


def _revocations(given: Fields) -> Fields:
    site = site_of(given)
    links = verified(given, site).links
    first = first_revoked(links, revoked_by(given["deltas"], site))
    return {"first_revoked": None if first is None else links.index(first) + 1}


READERS: Mapping[str, Callable[[Fields], Any]] = {
    "cbor": _cbor,
    "public_key": _public_key,
    "signature": _signature,
    "der_signature": _der_signature,
    "document": _document,
    "chain": _chain,
    "decision": _decision,
    "revocation": _revocation,
    "revocations": _revocations,
}
