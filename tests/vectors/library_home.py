"""What people send each other, and keys at rest, read by the library."""

from __future__ import annotations

from tests.vectors.vector import Fields, raw

from mortice.cli import texts
from mortice.cli.texts import KEY, kind_of, read_handover, read_request, read_staple
from mortice.client.founding import paper_key
from mortice.client.sealed import unseal


def _request_text(given: Fields) -> Fields:
    key, name = read_request(given["text"])
    return {"key": key.id.hex(), "name": name}


def _handover_text(given: Fields) -> Fields:
    text = texts._bounded(given["text"], "the text")
    found = read_handover(kind_of(text) or KEY, text)
    return {"roots": len(found.roots), "links": len(found.chain), "name": found.site_name}


def _staple_text(given: Fields) -> Fields:
    staple, chain = read_staple(given["text"])
    return {"staple": staple.hex(), "links": None if chain is None else len(chain)}


def _sheet(given: Fields) -> Fields:
    return {"key": paper_key(given["text"]).public.id.hex()}


def _sealed(given: Fields) -> Fields:
    key = raw(given["device_key"]) if "device_key" in given else given["passphrase"]
    return {"plain": unseal(raw(given["sealed"]), key).hex()}


READERS = {
    "request_text": _request_text, "handover_text": _handover_text, "staple_text": _staple_text,
    "sheet": _sheet, "sealed": _sealed,
}
