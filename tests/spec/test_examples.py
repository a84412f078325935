"""The worked examples in the text are what the code makes, and the code accepts them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tests.spec import examples
from tests.spec.pages import blocks, pages

from mortice.core import cbor
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commissioning import read_code, read_hello
from mortice.core.config import accept_config
from mortice.core.enrolment import accept_enrolment
from mortice.core.errors import Theirs
from mortice.core.freshness import accept_checked, accept_staple, accept_time
from mortice.core.grant import Grant, Passkey, Rights, read_grant, sign_grant
from mortice.core.log import accept_head, accept_receipt, read_entry
from mortice.core.messages import read_answer, read_greeting, read_request
from mortice.core.passkey import read_assertion
from mortice.core.pin import PinPolicy, digits_needed
from mortice.core.revocation import accept_revocation
from mortice.core.site import accept_doors, accept_first
from mortice.core.stages import Factors
from mortice.lockd.deliver import HPKE

HEX_CHARS = 64  # in a line of a block


@pytest.mark.parametrize(("kind", "made"), [("hex", examples.HEX), ("text", examples.TEXT)])
def test_each_example_stands_on_one_page_and_no_block_is_without_its_maker(
    kind: str, made: dict[str, object],
) -> None:
    named = [name for page in pages().values() for name in blocks(page, kind)]
    assert sorted(named) == sorted(made)


@pytest.mark.parametrize("name", examples.HEX)
def test_the_bytes_in_the_text_are_those_that_the_code_makes(name: str) -> None:
    block = next(found[name] for page in pages().values() if name in (found := blocks(page, "hex")))
    lines = block.splitlines()
    assert bytes.fromhex("".join(lines)) == examples.HEX[name]()
    assert all(len(line) == HEX_CHARS for line in lines[:-1])


@pytest.mark.parametrize("name", examples.TEXT)
def test_the_words_in_the_text_are_those_that_the_code_makes(name: str) -> None:
    block = next(
        found[name] for page in pages().values() if name in (found := blocks(page, "text")))
    assert block == examples.TEXT[name]()


# --- the examples are good ones ------------------------------------------------------------------


def test_the_chain_is_the_guests_key() -> None:
    verified = verify_chain(read_chain(examples.CHAIN), examples.SITE.chain_keys())
    assert verified.leaf.holder == examples.GUEST.public
    assert len(cbor.encode([*examples.CHAIN])) == 414  # as the page says


@pytest.mark.parametrize(("check", "change"), [
    ("C11", {"exp": None}), ("C12", {"exp": examples.NOW + 2 * examples.DAY}),
    ("C9", {"use": Rights(3)})])
def test_the_chain_is_refused_where_the_page_says(check: str, change: dict[str, object]) -> None:
    second: Grant = replace(read_grant(examples.second_link()), **change)  # type: ignore[arg-type]
    wire = [examples.first_link(), sign_grant(second, examples.AGENT)]
    with pytest.raises(Theirs) as error:
        verify_chain(read_chain(wire), examples.SITE.chain_keys())
    assert error.value.check == check


def test_the_second_link_alone_is_refused_where_the_page_says() -> None:
    with pytest.raises(Theirs) as error:
        verify_chain(read_chain([examples.second_link()]), examples.SITE.chain_keys())
    assert error.value.check == "C3"


def test_documents_of_the_examples_are_accepted() -> None:
    site = accept_first(examples.HEX["site"]())
    assert site == examples.SITE
    assert accept_doors(site, examples.HEX["doors"]()) == examples.DOORS
    revoked = accept_revocation(site, examples.HEX["revocation"]())
    assert revoked.over_all
    assert {entry.named for entry in revoked.entries} == {
        examples.first_id(), examples.GUEST.public.id}
    config = accept_config(site, examples.HEX["config"](), None, door=examples.DOOR, above=0)
    assert config.relock_after == 30
    checked = accept_checked(site, examples.HEX["checked"](), None, door=examples.DOOR)
    assert (checked.passed, checked.failed, checked.signer) == (30, 0, None)
    assert accept_staple(site, examples.staple()).leaf == examples.first_id()
    time = accept_time(
        site, examples.HEX["time"](), examples.LOCK.public.id,
        examples.conversation()["handshake"])
    assert time.at == examples.NOW + 60


def test_the_sealed_pin_opens_and_its_enrolment_holds() -> None:
    sealing = X25519PrivateKey.from_private_bytes(examples.SEALING)
    assert HPKE.decrypt(examples.SEALED_PIN, sealing, info=examples.pin_context()) == b"48291736"
    wire: list[cbor.Value] = [examples.tenant_link(), examples.enrolment()]
    found = accept_enrolment(examples.SITE, wire, examples.LOCK.public, slot_version=0)
    assert found.credential.slot == 3
    assert len("48291736") >= digits_needed(PinPolicy())


def test_the_assertion_answers_the_proof() -> None:
    value = cbor.decode(cbor.encode(examples.assertion()))
    passkey = Passkey(
        examples.PASSKEY.public, examples.assertion()[0][:32],  # type: ignore[index]
        "https://keys.example")
    read_assertion(value).verify(passkey, examples.proof())


def test_the_code_names_the_lock_that_says_hello() -> None:
    code = read_code(examples.TEXT["takeover-code"]())
    assert read_hello(examples.HEX["hello"](), code) == examples.LOCK_KEYS


def test_the_messages_of_the_conversation_say_what_their_pages_say() -> None:
    assert read_greeting(examples.GREETING.encode()) == examples.GREETING
    request = read_request(examples.conversation()["request"])
    assert request.key == examples.CHAIN
    assert request.factors is Factors.NONE
    answer = read_answer(
        examples.conversation()["answer"], examples.second_id(), request.command_id)
    assert answer.receipt == examples.receipt()


def test_the_log_of_the_examples_is_the_locks() -> None:
    assert read_entry(examples.HEX["entry"]()) == examples.entry()
    head = accept_head(examples.HEX["head"](), examples.LOCK.public)
    receipt = accept_receipt(examples.HEX["receipt"](), examples.LOCK.public)
    assert head.root == receipt.root == examples.log_after().root()
    assert receipt.entry == examples.HEX["entry-hash"]()
