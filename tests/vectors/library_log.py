"""The lock's log, its proofs and its exports, read by the library."""

from __future__ import annotations

from tests.vectors.library_site import key_of
from tests.vectors.vector import Fields, raw

from mortice.client.audit import audit
from mortice.core.log import accept_head, accept_receipt, read_entry
from mortice.core.merkle import Frontier, leaf_hash, verify_consistency, verify_inclusion


def _entry(given: Fields) -> Fields:
    encoded = raw(given["entry"])
    found = read_entry(encoded)
    assert found.encode() == encoded
    return {"index": found.index, "at": found.at, "kind": int(found.kind),
            "hash": leaf_hash(encoded).hex()}


def _head(given: Fields) -> Fields:
    found = accept_head(raw(given["document"]), key_of(given["lock"]))
    return {"incarnation": found.incarnation, "size": found.size, "root": found.root.hex(),
            "at": found.at}


def _receipt(given: Fields) -> Fields:
    found = accept_receipt(raw(given["document"]), key_of(given["lock"]))
    return {"index": found.index, "size": found.size, "leaf": found.leaf.hex(),
            "command_id": found.command_id.hex(), "result": int(found.result)}


def _inclusion(given: Fields) -> Fields:
    verify_inclusion(
        raw(given["leaf"]), given["index"], given["size"], raw(given["root"]),
        [raw(one) for one in given["proof"]])
    return {}


def _consistency(given: Fields) -> Fields:
    verify_consistency(
        given["old"], given["new"], raw(given["old_root"]), raw(given["new_root"]),
        [raw(one) for one in given["proof"]])
    return {}


def _frontier(given: Fields) -> Fields:
    found = Frontier.decode(raw(given["frontier"]))
    assert found.encode() == raw(given["frontier"])
    return {"size": found.size, "root": found.root().hex()}


def _export(given: Fields) -> Fields:
    found = audit(raw(given["export"]), key_of(given["lock"]))
    if found.fault is not None:
        return {"class": "fault", "check": found.fault.check, "entry": found.fault.index}
    return {"size": found.size, "heads": found.heads, "receipts": found.receipts,
            "root": found.root.hex()}


READERS = {
    "entry": _entry, "head": _head, "receipt": _receipt, "inclusion": _inclusion,
    "consistency": _consistency, "frontier": _frontier, "export": _export,
}
