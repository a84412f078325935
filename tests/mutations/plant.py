"""Plant faults in the modules that decide, one at a time, and see whether the tests find each.

    python tests/mutations/plant.py                  # every fault in decision.py and chain.py
    python tests/mutations/plant.py grant schedule   # in other modules of the core
    python tests/mutations/plant.py --every 20       # one in twenty, to see quickly that it works
    python tests/mutations/plant.py --list           # show the faults, run nothing

Each fault is one small change to the source: a comparison flipped or moved by one, `and` put for
`or`, a condition turned round or left out, a rule dropped from its table, a refusal left out. The
changed module is run in a temporary copy of the source; the tree itself is never touched. Exits 0
if every fault was found, 1 if one lived. Those in EQUIVALENT change nothing that a caller can see,
and each says why. About half an hour for the two modules that decide.
"""

# ruff: noqa: T201 — a program that prints
from __future__ import annotations

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = Path("src/mortice/core")
TESTS = {  # module → the tests that judge it, the most telling first
    "decision": ["decision", "decision_at_large"],
    "chain": ["chain", "decision", "freshness", "checked"],
    "schedule": ["schedule"],
    "revocation": ["revocation"],
    "freshness": ["freshness", "checked"],
    "timekeeping": ["timekeeping"],
    "grant": ["grant", "chain"],
    "door": ["door"],
}
SECONDS = 300  # a fault that makes the tests hang is found as well

FLIPPED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}

# (function, was, now) → why nobody could tell. Kept short on purpose.
SHOWN = "verified.leaf.factors & ~verified.factors & ~Factors.PERSON"
EQUIVALENT = {
    ("_by_floor", "0", "1"): "a floor is never in the first second of 1970",
    ("_factors", f"verified.leaf.factors and {SHOWN}", SHOWN): "it only saves the sum",
    ("_factors", "missing.name or ''", "missing.name"): "for the types: every factor has a name",
    ("_verify_first", "document.kid or b''", "document.kid"): "for the types: G7 wants a kid",
    ("started", "believed and board_at is not None", "believed"): "for the types",
    ("spans", "7", "8"): "there is no eighth bit (C13)",
    ("spans", "end > WEEK", "end >= WEEK"): "a span of no minutes, and in wider hours as well",
}


@dataclass(frozen=True)
class Fault:
    """One change: where it stands, what was there and is there now, and the module with it."""

    module: str
    function: str
    line: int
    was: str
    now: str
    source: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.module}.{self.function}:{self.line}: {self.was}  →  {self.now}"


Undo = Callable[[], None]
Change = Callable[[], Undo]


def swap(holder: ast.AST, name: str, value: object, at: int | None = None) -> Change:
    """Puts `value` in the place of one field, or of one item of it, and can take it out again."""

    def make() -> Undo:
        before = getattr(holder, name)
        if at is None:
            setattr(holder, name, value)
            return lambda: setattr(holder, name, before)
        changed = [*before]
        changed[at : at + 1] = [] if value is None else [value]
        setattr(holder, name, changed)
        return lambda: setattr(holder, name, before)

    return make


def of_compare(node: ast.Compare) -> Iterator[Change]:
    for place, operator in enumerate(node.ops):
        for other in FLIPPED[type(operator)]:
            yield swap(node, "ops", other(), place)


def of_bool(node: ast.BoolOp) -> Iterator[Change]:
    yield swap(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for place in range(len(node.values)):
        yield swap(node, "values", None, place)


def of_not(node: ast.UnaryOp) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield swap(node, "operand", ast.UnaryOp(ast.Not(), node.operand))


def of_sum(node: ast.BinOp) -> Iterator[Change]:
    other = {ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add}
    if type(node.op) in other:
        yield swap(node, "op", other[type(node.op)]())


def of_condition(node: ast.If | ast.IfExp) -> Iterator[Change]:
    for value in (True, False):
        yield swap(node, "test", ast.Constant(value))


def of_table(node: ast.Tuple) -> Iterator[Change]:
    named = all(isinstance(part, ast.Name | ast.Starred | ast.Attribute) for part in node.elts)
    if named and isinstance(node.ctx, ast.Load):
        for place in range(len(node.elts)):
            yield swap(node, "elts", None, place)


def of_call(node: ast.Call) -> Iterator[Change]:
    other = {"any": "all", "all": "any", "min": "max", "max": "min"}.get(ast.unparse(node.func))
    if other:
        yield swap(node, "func", ast.Name(other, ast.Load()))


def of_statement(node: ast.Expr) -> Iterator[Change]:
    if isinstance(node.value, ast.Call):  # a check that raises
        yield swap(node, "value", ast.Constant(None))


def of_slice(node: ast.Slice) -> Iterator[Change]:
    if isinstance(node.upper, ast.UnaryOp):  # [:-1] leaves the last link out
        yield swap(node, "upper", None)


def of_number(node: ast.Constant) -> Iterator[Change]:
    if type(node.value) is int:
        yield swap(node, "value", node.value + 1)


PLANTED: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.Compare: of_compare, ast.BoolOp: of_bool, ast.UnaryOp: of_not, ast.BinOp: of_sum,
    ast.If: of_condition, ast.IfExp: of_condition, ast.Tuple: of_table, ast.Call: of_call,
    ast.Expr: of_statement, ast.Slice: of_slice, ast.Constant: of_number}


def functions(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt | ast.expr]]]:
    """What functions do, and the tables between them; classes and types only say what there is."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            yield statement.name, [*statement.body]
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(
                statement.value, ast.Tuple | ast.Constant | ast.Dict):
            yield "table", [statement.value]


def faults(module: str) -> Iterator[Fault]:
    """Every fault that can be planted in one module of the core."""
    tree = ast.parse((ROOT / CORE / f"{module}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and node.value:
            node.annotation = ast.Name("object", ast.Load())  # says only what there is
    seen = {ast.unparse(tree)}
    for name, parts in functions(tree):
        for node in (node for part in parts for node in ast.walk(part)):
            for change in PLANTED.get(type(node), lambda _: ())(node):
                was = ast.unparse(node).splitlines()[0]
                undo = change()
                source = ast.unparse(ast.fix_missing_locations(tree))
                now = ast.unparse(node).splitlines()[0]
                undo()
                if source not in seen and compiles(source):
                    seen.add(source)
                    yield Fault(module, name, getattr(node, "lineno", 0), was, now, source)


def compiles(source: str) -> bool:
    """Not every change makes a program."""
    try:
        compile(source, "planted", "exec")
    except SyntaxError:
        return False
    return True


def found(module: str, source: str, copy: Path) -> bool:
    """Do the tests find this `source` of `module`? It stands in `copy` meanwhile."""
    place = copy / CORE / f"{module}.py"
    before = place.read_text("utf-8")
    place.write_text(source, "utf-8")
    tests = [f"tests/core/test_{name}.py" for name in TESTS[module]]
    command = [
        sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
        "-o", f"pythonpath={copy / 'src'} {ROOT}", *tests]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return True
    finally:
        place.write_text(before, "utf-8")
    if done.returncode not in {0, 1, 2}:  # passed, failed, or could not even be read
        sys.exit(done.stdout.decode() + done.stderr.decode())
    return done.returncode != 0


def plant(faults: list[Fault], copy: Path) -> list[Fault]:
    """Plants each and says what became of it. Returns those that lived."""
    lived = []
    for fault in faults:
        dead = found(fault.module, fault.source, copy)
        print("found" if dead else "LIVED", fault, flush=True)
        lived += [] if dead else [fault]
    return lived


def main() -> int:
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    wanted.add_argument("modules", nargs="*", default=["decision", "chain"])
    wanted.add_argument("--every", type=int, default=1, metavar="N")
    wanted.add_argument("--list", action="store_true")
    said = wanted.parse_args()
    planted = [
        fault for module in said.modules for fault in faults(module)
        if (fault.function, fault.was, fault.now) not in EQUIVALENT][:: said.every]
    if said.list:
        print(*planted, f"{len(planted)} faults", sep="\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for module in said.modules:
            if found(module, (copy / CORE / f"{module}.py").read_text("utf-8"), copy):
                sys.exit(f"the tests of {module} fail without any fault")
        lived = plant(planted, copy)
    killed = len(planted) - len(lived)
    print(f"\n{killed} of {len(planted)} faults found ({killed / len(planted):.1%})")
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
