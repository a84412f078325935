"""Reading the project's own code as a tree."""

from __future__ import annotations

import ast
import gc
from pathlib import Path


def tree_of(module: Path) -> ast.Module:
    """The syntax of a file.

    Not while the collector runs: what it finishes in the middle may make Python 3.11 lose count of
    how deep the tree is, and raise SystemError (python/cpython issue 106905).
    """
    text = module.read_text("utf-8")
    was = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        if was:
            gc.enable()
