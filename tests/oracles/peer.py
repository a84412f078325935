"""Runs in the oracles' own environment: verifies and signs COSE_Sign1 as other people's code does.

Reads a list of jobs as JSON and writes a list of answers. A job to verify is answered true or
false, a job to sign with a signature. Bytes are hexadecimal.

`cwt` knows the fully specified algorithms -19 and -9 (RFC 9864), so it gets whole documents; a tag
18 is put in front, which it asks for and we leave out. `pycose` knows only the older EdDSA (-8) and
ES256 (-7): it is told one of these, with our own protected header in its place, so it builds the
Sig_structure and checks the signature itself. The two pairs mean the same computation.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from cwt import COSE, COSEKey, VerifyError
from pycose.algorithms import EdDSA, Es256
from pycose.headers import Algorithm
from pycose.keys import EC2Key, OKPKey
from pycose.keys.curves import P256, Ed25519
from pycose.messages import Sign1Message

ED25519 = -19
TAG = b"\xd2"  # 18: COSE_Sign1
VERIFY, SIGN = [2], [1]  # key_ops of RFC 9052, table 5


def with_cwt(job: dict[str, Any]) -> bool | str:
    """The whole document, by cwt."""
    key = {1: 1, -1: 6, -2: job["x"]} if job["alg"] == ED25519 else {
        1: 2, -1: 1, -2: job["x"], -3: job["y"]}
    key |= {2: job["kid"]} if job["kid"] else {}
    if "seed" in job:
        made = COSE.new().encode(
            job["payload"], COSEKey.new(key | {3: job["alg"], 4: SIGN, -4: job["seed"]}),
            protected={1: job["alg"]} | ({4: job["kid"]} if job["kid"] else {}), unprotected={},
            external_aad=job["aad"])
        return made.removeprefix(TAG).hex()
    try:
        read = COSE.new().decode(
            TAG + job["document"], COSEKey.new(key | {3: job["alg"], 4: VERIFY}),
            external_aad=job["aad"])
    except VerifyError:
        return False
    return read == job["payload"]


def with_pycose(job: dict[str, Any]) -> bool | str:
    """The Sig_structure and the signature, by pycose."""
    secret = {"d": job["seed"]} if "seed" in job else {}
    if job["alg"] == ED25519:
        older, key = EdDSA, OKPKey(crv=Ed25519, x=job["x"], **secret)
    else:
        older, key = Es256, EC2Key(crv=P256, x=job["x"], y=job["y"], **secret)
    message = Sign1Message(phdr={Algorithm: older}, payload=job["payload"])
    message._phdr_encoded = job["protected"]
    message.external_aad, message.key = job["aad"], key
    if secret:
        return message.compute_signature().hex()
    message._signature = job["signature"]
    return bool(message.verify_signature())


def main() -> None:
    """Answer every job on stdin."""
    answers = []
    for job in json.load(sys.stdin):
        unhexed = {
            name: bytes.fromhex(value) if isinstance(value, str) and name != "by" else value
            for name, value in job.items()}
        answers.append({"cwt": with_cwt, "pycose": with_pycose}[job["by"]](unhexed))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
