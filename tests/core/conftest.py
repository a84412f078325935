"""What the tests of the core share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PUBLISHED = Path(__file__).parents[3] / "shared" / "vectors"


@pytest.fixture(scope="session")
def published() -> Callable[[str], dict[str, Any]]:
    """Reads a file of published test vectors, which are kept beside the project."""

    def read(name: str) -> dict[str, Any]:
        file = PUBLISHED / name
        if not file.exists():
            pytest.skip(f"published vectors are not here: ../shared/vectors/{name}")
        document: dict[str, Any] = json.loads(file.read_text())
        return document

    return read
