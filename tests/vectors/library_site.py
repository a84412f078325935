"""Values, keys, chains, decisions, roots, enrolments, PINs and clocks, read by the library."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tests.vectors.vector import LOCK_SECRETS, Fields, raw, wire

from mortice.core import cbor
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import Command
from mortice.core.commissioning import read_code, read_hello, read_takeover
from mortice.core.config import accept_config
from mortice.core.decision import Ask, Facts, Tally, decide
from mortice.core.document import parse
from mortice.core.enrolment import accept_enrolment, check_pin, sealed_context
from mortice.core.errors import Theirs, Untrusted
from mortice.core.freshness import Staple, accept_checked, accept_staple, accept_time
from mortice.core.keys import PublicKey, normalise_p256_der
from mortice.core.pin import (
    Entry,
    PinKeys,
    PinPolicy,
    Spent,
    Tries,
    Typed,
    digits_needed,
    odds,
    read_typed,
    tries_in,
    verifier,
    weakness,
)
from mortice.core.revocation import Revocation, RevocationSet, accept_revocation, first_revoked
from mortice.core.schedule import Hours, admits, read_hours, within, write_hours
from mortice.core.site import Place, Site, accept_doors, accept_first, accept_next, recovers
from mortice.core.stages import Count, Factors, Granted, Instant, Refused, TimeState, Verified
from mortice.core.timekeeping import Clock, Told, Word, attested, confirms, started
from mortice.lockd.deliver import HPKE
from mortice.lockd.outside import Machine
from mortice.lockd.ownership import first_owner, next_doors, zone_named
from mortice.lockd.secrets import load_secrets

YEAR_SECONDS = 365 * 86_400


# --- values and keys ------------------------------------------------------------------------------


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


def key_of(encoded: str) -> PublicKey:
    """A public key, as a vector writes it."""
    return PublicKey.from_cose(cbor.decode(raw(encoded)))


def _public_key(given: Fields) -> Fields:
    key = key_of(given["cose"])
    return {"id": key.id.hex(), "alg": key.alg}


def _signature(given: Fields) -> Fields:
    key_of(given["key"]).verify(raw(given["signature"]), raw(given["message"]))
    return {}


def _der_signature(given: Fields) -> Fields:
    return {"signature": normalise_p256_der(raw(given["der"])).hex()}


# --- documents and chains -------------------------------------------------------------------------


def _document(given: Fields) -> Fields:
    document = parse(given["kind"], raw(given["document"]))
    document.verify(key_of(given["key"]))
    return {"id": document.id.hex(), "payload": document.payload.hex()}


def site_of(given: Fields) -> Site:
    """The root that the lock under test stands on."""
    return accept_first(raw(given["site"]))


def chain_of(given: Fields) -> list[cbor.Value] | None:
    """The chain of a document's signer, where there is one."""
    return wire(given["chain"]) if "chain" in given else None


def verified(given: Fields, site: Site, factors: Factors = Factors.NONE) -> Verified:
    """The chain of a vector, or what is wrong with it."""
    return verify_chain(read_chain(wire(given["chain"])), site.chain_keys(), factors=factors)


def _chain(given: Fields) -> Fields:
    found = verified(given, site_of(given))
    return {"links": [link.id.hex() for link in found.links], "holder": found.leaf.holder.id.hex()}


# --- decisions ------------------------------------------------------------------------------------


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
        _staple_shown(facts.get("staple"), site),
        None if second is None else verified(second, site), facts.get("power_low", False),
        facts.get("log_full", False), facts.get("rolled_back", False), _opening(facts))


def _opening(facts: Fields) -> Hours:
    """Whoever asks about a door that is held open already names no opening hours."""
    return read_hours(facts["opening"]) if "opening" in facts and not facts.get("held") else ()


def _tally(facts: Fields) -> Tally:
    return Tally(
        {raw(item["link"]): item["count"] for item in facts.get("uses", ())},
        {raw(item["link"]): frozenset(map(raw, item["leaves"]))
         for item in facts.get("leaves_today", ())},
        {raw(item["link"]): raw(item["child"]) for item in facts.get("claimed", ())})


def _staple_shown(given: Fields | None, site: Site) -> Staple | None:
    """A staple that cannot be trusted is no staple (spec/decision.md, rule R8)."""
    if given is None:
        return None
    try:
        return accept_staple(site, raw(given["document"]), chain_of(given))
    except Theirs:
        return None


def granted(found: Granted) -> Fields:
    """What was granted, as a vector writes it."""
    towards = found.towards.value if found.towards else None
    held = {} if found.until is None else {"until": found.until}
    return {"towards": towards, "counts": [_count(count) for count in found.counts]} | held


def _count(count: Count) -> Fields:
    return {"kind": count.kind.value, "link": count.link.hex(), "leaf": count.leaf.hex(),
            "day": count.day, "expires": count.expires}


# --- revocation -----------------------------------------------------------------------------------


def delta(given: Fields, site: Site) -> Revocation:
    """One revoke document, verified."""
    touch = wire(given["assertion"]) if "assertion" in given else None
    return accept_revocation(site, raw(given["document"]), chain_of(given), touch)


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


# --- hours, roots, settings -----------------------------------------------------------------------


def _hours(given: Fields) -> Fields:
    hours, zone = read_hours(given["hours"]), ZoneInfo(given["zone"])
    return {"admitted": [admits(hours, moment["at"], zone) for moment in given["moments"]]}


def _within(given: Fields) -> Fields:
    return {"within": within(read_hours(given["narrow"]), read_hours(given["wide"]))}


def _first_root(given: Fields) -> Fields:
    site = site_of(given)
    return {"id": site.id.hex(), "version": site.version, "strict": site.strict, "demo": site.demo}


def _next_root(given: Fields) -> Fields:
    return {"version": accept_next(site_of(given), raw(given["next"])).version}


def _recovery(given: Fields) -> Fields:
    return {"version": recovers(site_of(given), raw(given["next"])).version}


def _map(given: Fields) -> Fields:
    place = place_of(given, site_of(given))
    owned = first_owner(raw(given["site"]), raw(given["doors"]), place.door, place.lock)
    newer = next_doors(owned, raw(given["next"])).doors
    return {"version": newer.version, "doors": [door.id.hex() for door in newer.doors]}


def _settings(given: Fields) -> Fields:
    found = accept_config(
        site_of(given), raw(given["document"]), chain_of(given), door=raw(given["door"]),
        above=given.get("above", 0))
    pins = found.pins
    hub = {"hub": [found.hub[0].hex(), found.hub[1]]} if found.hub else {}
    opening = {"opening": write_hours(found.opening)} if found.opening else {}
    return {"version": found.version, "relock_after": found.relock_after,
            "pins": [pins.entry.value, pins.spent.value, pins.most], **hub, **opening}


def _checked(given: Fields) -> Fields:
    found = accept_checked(
        site_of(given), raw(given["document"]), chain_of(given), door=raw(given["door"]))
    return {"at": found.at, "report": found.report.hex(), "passed": found.passed,
            "failed": found.failed}


# --- enrolments and PINs --------------------------------------------------------------------------


def _enrolment(given: Fields) -> Fields:
    """The chain, and the PIN that was sealed. What the lock has already is the lock's to judge."""
    site = site_of(given)
    lock = accept_doors(site, raw(given["doors"])).doors[0].lock
    found = accept_enrolment(site, wire(given["chain"]), lock.signing, slot_version=0)
    above, credential = found.verified.links[-2], found.credential
    context = sealed_context(above.holder.id, above.id, credential.slot)
    sealing = X25519PrivateKey.from_private_bytes(LOCK_SECRETS["sealing"])
    try:
        digits = HPKE.decrypt(credential.sealed, sealing, info=context).decode()
    except (InvalidTag, ValueError) as error:
        raise Untrusted("H6", "as the lock does") from error
    check_pin(read_typed(digits, Entry.PLAIN).pin)
    return {"leaf": found.verified.leaf.id.hex(), "slot": credential.slot,
            "version": credential.version, "pin": digits}


def _typed(given: Fields) -> Fields:
    typed = read_typed(given["digits"], Entry(given["entry"]))
    return {"index": typed.index, "pin": typed.pin}


def _weakness(given: Fields) -> Fields:
    return {"weak": weakness(given["pin"]) is not None}


def _odds(given: Fields) -> Fields:
    policy = PinPolicy(spent=Spent(given["spent"]))
    found = odds(policy, given["live"], given["digits"])
    return {
        "tries_in_a_burst": tries_in(0, policy), "tries_in_a_year": tries_in(YEAR_SECONDS, policy),
        "one_burst_in": int(1 / found.incident), "one_year_in": int(1 / found.year),
        "acceptable": found.acceptable}


def _digits_needed(given: Fields) -> Fields:
    return {"digits": digits_needed(PinPolicy(spent=Spent(given["spent"]), most=given["most"]))}


def _verifier(given: Fields) -> Fields:
    keys = PinKeys(raw(given["pepper"]), raw(given["salt"]), raw(given["door"]))
    return {"verifier": verifier(keys, Typed(given["index"], given["pin"])).hex()}


def _tries(given: Fields) -> Fields:
    tries = Tries(tuple(given["at"]))
    return {"rest": tries.rest(given["uptime"]), "left": tries.left(given["uptime"])}


# --- time -----------------------------------------------------------------------------------------


def _staple(given: Fields) -> Fields:
    found = accept_staple(site_of(given), raw(given["document"]), chain_of(given))
    return {"leaf": found.leaf.hex(), "at": found.at}


def _attestation(given: Fields) -> Fields:
    site = site_of(given)
    found = accept_time(
        site, raw(given["document"]), place_of(given, site).lock, raw(given["nonce"]),
        chain_of(given))
    return {"at": found.at, "by_owner": bool(found.signer)}


def clock_of(given: Fields) -> Clock:
    """A clock at its anchor, which is second 0 of the count."""
    return Clock(given["floor"], given["at"], 0.0, given["attested_at"], given["sure"],
                 given["forward"])


def _clock(given: Fields) -> Fields:
    found = attested(clock_of(given["clock"]), Told(given["told"], given["by_owner"]), 0.0)
    if found is None:
        return {"taken": False}
    now = found.now(0.0)
    return {"taken": True, "at": now.at, "floor": now.floor, "state": now.state.name.lower(),
            "forward": found.forward}


def _confirm(given: Fields) -> Fields:
    earlier, word = (
        Word(raw(said["key"]), said["at"], said["count"])
        for said in (given["earlier"], given["word"]))
    return {"confirmed": confirms(word, earlier)}


def _start(given: Fields) -> Fields:
    now = started(clock_of(given["clock"]), given["board"], 0.0).now(0.0)
    return {"state": now.state.name.lower(), "at": now.at}


# --- taking over ----------------------------------------------------------------------------------


def _code(given: Fields) -> Fields:
    code = read_code(given["text"])
    return {"fingerprint": code.fingerprint.hex(), "secret": code.secret.hex()}


def _hello(given: Fields) -> Fields:
    return {"lock": read_hello(raw(given["hello"]), read_code(given["code"])).id.hex()}


def _takeover(given: Fields) -> Fields:
    found = read_takeover(cbor.decode(raw(given["args"])))
    return {"door": found.door.hex(), "at": found.at, "site": found.site.hex(),
            "doors": found.doors.hex()}


def _lock_file(given: Fields) -> Fields:
    with TemporaryDirectory() as folder:
        (Path(folder) / "keys").write_bytes(raw(given["keys"]))
        secrets = load_secrets(Path(folder), Machine())
    return {"lock": secrets.public.id.hex()}


READERS = {
    "cbor": _cbor, "public_key": _public_key, "signature": _signature,
    "der_signature": _der_signature, "document": _document, "chain": _chain,
    "decision": _decision, "revocation": _revocation, "revocations": _revocations,
    "hours": _hours, "within": _within, "first_root": _first_root, "next_root": _next_root,
    "recovery": _recovery, "map": _map, "settings": _settings, "checked": _checked,
    "enrolment": _enrolment, "typed": _typed, "weakness": _weakness, "odds": _odds,
    "digits_needed": _digits_needed, "verifier": _verifier, "tries": _tries, "staple": _staple,
    "attestation": _attestation, "clock": _clock, "confirm": _confirm, "start": _start,
    "code": _code, "hello": _hello, "takeover": _takeover, "lock_file": _lock_file,
}
