"""Scripts travel without their comments, and mean the same."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hubs import Cast, browser

from mortice.hub.files import slim
from mortice.hub.web import STATIC

SCRIPTS = sorted(STATIC.rglob("*.js"))


def test_comments_and_indents_are_left_behind() -> None:
    script = '// says\n/**\n * @param {a} b\n */\nconst url = "https://x";  // stays\n  return 1;\n'
    assert slim("x.js", script) == 'const url = "https://x";  // stays\nreturn 1;\n'


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(STATIC)))
def test_no_text_of_several_lines_loses_its_indent(script: Path) -> None:
    """A template literal over several lines would; none is written so."""
    assert [line for line in script.read_text("utf-8").splitlines() if line.count("`") % 2] == []


def test_who_cannot_unpack_gets_the_file_as_it_stands(cast: Cast) -> None:
    with browser(cast.hub) as client:
        packed = client.get("/static/live.js", headers={"accept-encoding": "gzip"})
        plain = client.get("/static/live.js", headers={"accept-encoding": "identity"})
    source = (STATIC / "live.js").read_text("utf-8")
    assert plain.text == source
    assert packed.text == slim("live.js", source)
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.compress(packed.content)


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/none.js"])
def test_nothing_else_is_served(cast: Cast, path: str) -> None:
    with browser(cast.hub) as client:
        assert client.get(path).status_code == 404
