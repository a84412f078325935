"""What Mortice is built on, as a CycloneDX 1.6 bill: every package that `requirements.lock` pins.

The same lock and project give the same bytes: there is no time in it, and its serial number is
drawn from its content. Licences, and who needs whom, are read from the packages installed here;
one that is not, or is of another version, goes without.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

PIN = re.compile(r"(?m)^([A-Za-z0-9._-]+)==([^\s;]+)[^\n]*((?:\n[ \t]+--hash=\S+(?: \\)?)*)")
NEED = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
EXTRA = re.compile(r"""extra\s*==\s*["']([\w.-]+)["']""")
CLASSIFIER = "License :: OSI Approved :: "


def sbom(lock: str, project: dict[str, Any], version: str) -> dict[str, Any]:
    """The bill for the text of a lock and the `project` table of its pyproject.toml."""
    pins = {_name(name): (pinned, re.findall(r"sha256:([0-9a-f]{64})", hashes))
            for name, pinned, hashes in PIN.findall(lock)}
    needs = {name: _needs(name, pins) for name in pins}
    extras = [each for group in project["optional-dependencies"].values() for each in group]
    first, more = _named(project["dependencies"], pins), _named(extras, pins)
    required, optional = _closure(first, needs), _closure(more, needs)
    body = {
        "metadata": {"lifecycles": [{"phase": "pre-build"}], "component": {
            "type": "application", "bom-ref": "mortice", "name": project["name"],
            "version": version, "licenses": [{"expression": project["license"]}]}},
        "components": [
            _component(name, *pins[name], "required" if name in required else
                       "optional" if name in optional else "excluded") for name in sorted(pins)],
        "dependencies": [
            {"ref": "mortice", "dependsOn": _refs(first | more, pins)},
            *({"ref": _purl(name, pins[name][0]), "dependsOn": _refs(needs[name], pins)}
              for name in sorted(pins))]}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX",
            "specVersion": "1.6", "version": 1,
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}", **body}


def read_sbom(lock: Path, version: str) -> dict[str, Any]:
    """The bill for a lock and the pyproject.toml beside it. Raises OSError, TOMLDecodeError."""
    project = tomllib.loads((lock.parent / "pyproject.toml").read_text("utf-8"))["project"]
    return sbom(lock.read_text("utf-8"), project, version)


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _refs(names: set[str], pins: dict[str, Any]) -> list[str]:
    return [_purl(name, pins[name][0]) for name in sorted(names)]


def _component(name: str, version: str, hashes: list[str], scope: str) -> dict[str, Any]:
    """One package. Its hashes are of the files that may be installed: any one of them."""
    found = _installed(name, version)
    licences = _licences(found) if found else []
    return {
        "type": "library", "bom-ref": _purl(name, version), "name": name, "version": version,
        "scope": scope, "purl": _purl(name, version),
        **({"licenses": licences} if licences else {}),
        "externalReferences": [{
            "type": "distribution", "url": _purl(name, version),
            "comment": "what may be installed is a file with one of these hashes",
            "hashes": [{"alg": "SHA-256", "content": each} for each in hashes]}]}


def _installed(name: str, version: str | None = None) -> Distribution | None:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return found if version in {None, found.version} else None


def _licences(found: Distribution) -> list[dict[str, Any]]:
    """An SPDX expression where the package has one; else its own words."""
    said = found.metadata
    expression, words = (said.get_all(key) or [""] for key in ("License-Expression", "License"))
    if expression[0]:
        return [{"expression": expression[0]}]
    names = [each.removeprefix(CLASSIFIER) for each in said.get_all("Classifier") or ()
             if each.startswith(CLASSIFIER)]
    names = [words[0].strip()] if words[0].strip() else names
    return [{"license": {"name": each}} for each in names]


# --- who needs whom -------------------------------------------------------------------------------


def _needs(name: str, pins: dict[str, Any]) -> set[str]:
    """What a package asks for, on any system. What comes by an extra alone is not counted."""
    found = _installed(name, pins[name][0])
    asked = (found.requires or ()) if found else ()
    return _named([each for each in asked if not EXTRA.search(each)], pins)


def _named(asked: list[str], pins: dict[str, Any]) -> set[str]:
    return {name for each in asked for name in _with_extras(each) if name in pins}


def _with_extras(asked: str) -> Iterator[str]:
    """The package that a line asks for, and what its extras bring."""
    found = NEED.match(asked.partition(";")[0])
    if found is None:
        return
    name, extras = _name(found[1]), {_name(each) for each in (found[2] or "").split(",")}
    yield name
    there = _installed(name)
    for each in (there.requires or ()) if there else ():
        wanted = EXTRA.search(each)
        if wanted and _name(wanted[1]) in extras and (more := NEED.match(each)):
            yield _name(more[1])


def _closure(names: set[str], needs: dict[str, set[str]]) -> set[str]:
    found, left = set(names), list(names)
    while left:
        for each in needs[left.pop()] - found:
            found.add(each)
            left.append(each)
    return found
