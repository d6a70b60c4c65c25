"""What a schema lets pass and nobody can act on is a problem: purls, licence expressions, dangling references."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secpipe.sbom.meant import is_expression
from secpipe.sbom.profiles import percents, says
from secpipe.sbom.validate import validate


def problems(*dependencies: dict[str, Any], **component: Any) -> list[str]:
    parts = [{"type": "library", "name": "a", "bom-ref": "a", **component}]
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": parts, "dependencies": list(dependencies)}
    return [str(problem) for problem in validate(json.dumps(document).encode())]


@pytest.mark.parametrize("purl", ["not a purl", "pkg:", "pkg:pypi", "https://pypi.example/a", "pypi/a@1"])
def test_a_purl_that_is_none(purl: str) -> None:
    assert problems(purl=purl)


@pytest.mark.parametrize("purl", ["pkg:pypi/a@1", "PKG:pypi/a@1", "pkg:generic/a?x=y#sub", "pkg:npm/%40a/b@1"])
def test_a_purl(purl: str) -> None:
    assert not problems(purl=purl)


def test_references() -> None:
    assert not problems({"ref": "a", "dependsOn": ["urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#b"]})
    assert problems({"ref": "a", "dependsOn": ["b"]})
    assert problems({"ref": "b"})


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("MIT", True), ("MIT OR Apache-2.0", True), ("(MIT AND GPL-2.0-or-later WITH Classpath-exception-2.0)", True),
        ("DocumentRef-x:LicenseRef-y OR GPL-2.0+", True), ("MIT OR", False), ("MIT Apache-2.0", False), ("(MIT", False),
        ("MIT)", False), ("", False), ("AND MIT", False), ("MIT / Apache", False),
        ("(" * 99 + "MIT" + ")" * 98, False), ("(" * 9999 + "MIT" + ")" * 9999, True), ("( " * 99_999, False),
    ],
)  # fmt: skip
def test_licence_expressions(text: str, sound: bool) -> None:
    assert is_expression(text) is sound
    if text:
        assert bool(problems(licenses=[{"expression": text}])) is not sound


@pytest.mark.parametrize("word", ["NOASSERTION", "unknown", " N/A ", "", "TBD"])
def test_a_word_for_nobody_knows_scores_nothing(word: str) -> None:
    def known(text: str, digest: str) -> int:
        part = {
            "type": "library", "name": "a", "bom-ref": "a", "version": text, "supplier": {"name": text},
            "licenses": [{"license": {"name": text, "acknowledgement": "declared"}}],
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }  # fmt: skip
        bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [part]}
        return sum(percents(bom).values())

    assert known(word, "0" * 64) < known("1.0", "ab" * 32)
    assert not says({"hashes": [{"alg": "SHA-256", "content": "0" * 64}]})
    assert not says([{"license": {"name": word}}])
    assert says([{"license": {"id": "MIT"}}])
    assert says(False)
