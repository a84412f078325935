"""Benchmarks: ratios against a floor or a peer, measured in turns in the same run.

    python3 run.py bench [name …] [--quick] [--json FILE]

One module for each question; docs/performance.md says how they measure and what came out. A
benchmark is not a test: it prints what it found, and fails only where it could not measure.
"""

import sys
from pathlib import Path

try:
    import mortice  # noqa: F401 — is it to be found?
except ImportError:  # started as python -m bench from a clone
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
