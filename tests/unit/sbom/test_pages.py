"""Pages name the packages that a browser fetches for them; a page without any is a whole bill of materials."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secpipe.core.evidence import State
from secpipe.sbom.collect import collect
from secpipe.sbom.evidence import evidence
from secpipe.system.tree import open_tree

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SRI = "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"


@pytest.mark.parametrize(
    ("page", "package"),
    [
        ('<script src="https://cdn.jsdelivr.net/npm/chart.js@4.4.1/chart.js"></script>', "pkg:npm/chart.js@4.4.1"),
        ("<SCRIPT async SRC='//unpkg.com/htmx.org@1.9.12'></SCRIPT>", "pkg:npm/htmx.org@1.9.12"),
        ("<script src=https://cdnjs.cloudflare.com/ajax/libs/jquery/3.4.1/j.js></script>", "pkg:npm/jquery@3.4.1"),
        ('<script type=module>import OpenAI from "https://esm.sh/openai@4.20.0"</script>', "pkg:npm/openai@4.20.0"),
        ('{"imports": {"a": "https://ga.jspm.io/npm:@lit/context@1.1.0/x.js"}}', "pkg:npm/%40lit/context@1.1.0"),
        ('<script src="https://cdn.jsdelivr.net/npm/vue"></script>', "pkg:npm/vue"),
    ],
)  # fmt: skip
def test_an_address_tells_the_package(tmp_path: Path, page: str, package: str) -> None:
    (tmp_path / "index.html").write_text(f"<!doctype html>\n{page}\n")
    found = collect(open_tree(tmp_path))
    assert [(item.purl, item.path, item.line) for item in found.components] == [(package, "index.html", 2)]


def test_its_digest_and_a_script_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "a.htm").write_text(
        f'<script src="https://unpkg.com/htmx.org@1.9.12" integrity="{SRI}"></script>'
        '<script src="https://tracker.example/t.js?x=1"></script><script src="app.js"></script>'
    )
    found = {item.name: item for item in collect(open_tree(tmp_path)).components}
    assert sorted(found) == ["htmx.org", "tracker.example/t.js"]
    assert [digest.algorithm for digest in found["htmx.org"].digests] == ["sha384"]
    assert found["tracker.example/t.js"].purl == ""


def test_each_of_many_scripts_keeps_its_line_and_its_digest(tmp_path: Path) -> None:
    script = '<script src="https://esm.sh/a%d@1.0.0" integrity="sha256-%s"></script>\n'
    digests = [hashlib.sha256(b"%d" % each).digest() for each in range(3000)]
    (tmp_path / "a.html").write_text(
        "".join(script % (each, base64.b64encode(digest).decode()) for each, digest in enumerate(digests))
    )
    found = {(item.name, item.line, item.digests[0].value) for item in collect(open_tree(tmp_path)).components}
    assert found == {(f"a{each}", each + 1, digest.hex()) for each, digest in enumerate(digests)}


@pytest.mark.parametrize("name", ["index.html", "notes.txt"])
def test_only_a_page_that_was_read_makes_an_empty_list_whole(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<h1>hello</h1>")
    told, _ = evidence(collect(open_tree(tmp_path)), name="x", now=NOW)
    assert told.state is (State.OK if name == "index.html" else State.SKIPPED)


@pytest.mark.parametrize(
    "text", ["<script " * 20_000, "<script src=" + "'" * 50_000, "https://esm.sh/" * 5_000, "\x00\xff" * 9]
)
def test_hostile_pages_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.html").write_text(text, encoding="latin-1")
    assert collect(open_tree(tmp_path)).components == collect(open_tree(tmp_path)).components
