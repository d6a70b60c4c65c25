"""Bad input: what cannot be read is said, never passed over, and never ends the scan."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.core.finding import Severity
from secpipe.core.limits import DEFAULT
from secpipe.formats.coding import as_utf8
from secpipe.scan.shadow_ai import notebooks
from secpipe.scan.shadow_ai.contents import is_binary
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

CALL = b'import requests\nrequests.post("https://api.openai.com/v1/chat/completions")\n'


def scanned(folder: Path, **options):
    return scan(open_tree(folder), **options)


def providers(evidence) -> set[str]:
    return {use["provider"] for use in evidence.facts["uses"]}


def test_binary_named_as_source_is_a_skip(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\x00\x01\x02\x03" * 100 + CALL)
    (tmp_path / "weights.bin").write_bytes(b"\x00\x01\x02\x03" * 100)
    evidence = scanned(tmp_path)
    assert [skip.path for skip in evidence.skips] == ["a.py"]


def test_syntax_error_falls_back_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(CALL + b"def (:\n")
    evidence = scanned(tmp_path)
    assert providers(evidence) == {"openai"}
    assert "does not parse as Python" in evidence.skips[0].reason


@pytest.mark.parametrize(
    "source",
    [
        b"x = " + b"(" * 5000 + b"1" + b")" * 5000,
        b"x = " + b"-" * 20000 + b"1",
        b"openai = " + b"+".join([b"'a'"] * 20000),
        b"import openai\nif 1:\n" + b"".join(b" " * n + b"if 1:\n" for n in range(1, 110)) + b" " * 111 + b"pass\n",
        b"from openai import OpenAI\n"
        + b"\n".join(b"a%d = a%d + a%d" % (n, n - 1, n - 1) for n in range(1, 400))
        + b"\nOpenAI(base_url=a399)\n",
        b"from openai import OpenAI\na = b\nb = a\nOpenAI(base_url=a)\n",
        b"from openai import OpenAI\na = f'{a}{a}{a}{a}'\nOpenAI(base_url=a)\n",
    ],
)
def test_deep_or_circular_python_ends(tmp_path: Path, source: bytes) -> None:
    (tmp_path / "a.py").write_bytes(source + b"\n# api.openai.com\n")
    evidence = scanned(tmp_path)
    assert evidence.facts["coverage"]["candidates"] == 1


def test_null_bytes_and_invalid_encodings(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"# \xff\xfe\xfa\n" + CALL)
    (tmp_path / "b.js").write_bytes(b'fetch("https://api.groq.com/x")\xff\xff')
    assert providers(scanned(tmp_path)) == {"openai", "groq"}


def test_utf16_is_text(tmp_path: Path) -> None:
    for index, coding in enumerate(["utf-16", "utf-16-le", "utf-16-be"]):
        (tmp_path / f"a{index}.ts").write_bytes('fetch("https://api.openai.com/v1/models")'.encode(coding))
    evidence = scanned(tmp_path)
    assert {use["path"] for use in evidence.facts["uses"]} == {"a0.ts", "a1.ts", "a2.ts"}


def test_minified_line_of_megabytes(tmp_path: Path) -> None:
    line = b'var a="x";' * 400_000 + b'fetch("https://api.openai.com/v1/chat/completions");' + b"b(1);" * 100_000
    (tmp_path / "app.min.js").write_bytes(line)
    evidence = scanned(tmp_path)
    assert providers(evidence) == {"openai"}


def test_large_file_is_searched_as_text_to_its_end_and_said_to_be(tmp_path: Path) -> None:
    limits = replace(DEFAULT, text_bytes=100_000)
    (tmp_path / "big.py").write_bytes(b"x = 1\n" * 100_000 + CALL + b"x = 1\n" * 100_000)
    (tmp_path / "data.csv").write_bytes(b"1,2,3\n" * 100_000)
    evidence = scanned(tmp_path, limits=limits)
    assert providers(evidence) == {"openai"}
    assert [skip.path for skip in evidence.skips] == ["big.py"]  # code: an address in a name is seen by a parser alone
    assert evidence.account is not None
    assert [skip.path for skip in evidence.account.shallow] == ["data.csv"]


def test_notebook_with_heavy_outputs_is_streamed(tmp_path: Path) -> None:
    cell = {
        "cell_type": "code",
        "metadata": {},
        "outputs": [{"data": {"image/png": "A" * 3_000_000}, "text": ['"source": ["import cohere"]']}],
        "source": ["from openai import OpenAI\n", "OpenAI()\n"],
    }
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    evidence = scanned(tmp_path, limits=replace(DEFAULT, text_bytes=1_000_000))
    assert providers(evidence) == {"openai"}
    assert not evidence.skips


def test_streaming_reads_what_parsing_reads() -> None:
    cells = [{"cell_type": "code", "source": [f"x = {n}\n", "y = 'é\\n'"]} for n in range(50)]
    raw = json.dumps({"cells": cells, "metadata": {"source": 1}}).encode()
    assert notebooks.stream(io.BytesIO(raw)) == ["".join(cell["source"]) for cell in cells]


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b'{"cells": 3}', b'{"cells": [{"cell_type": "code", "source": 5}]}', b'{"cells": [[]]}', b"{" * 5000],
)
def test_broken_notebooks_do_not_end_the_scan(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "n.ipynb").write_bytes(raw + b" api.openai.com")
    scanned(tmp_path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_bytes(CALL)
    inside = tmp_path / "tree"
    inside.mkdir()
    os.symlink(outside / "a.py", inside / "a.py")
    assert not scanned(inside).facts["uses"]


def test_a_reader_that_fails_is_a_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from secpipe.scan.shadow_ai import python

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(python, "_run", broken)
    (tmp_path / "a.py").write_bytes(CALL)
    evidence = scanned(tmp_path)
    assert "its reader failed" in evidence.skips[0].reason
    assert providers(evidence) == {"openai"}


def test_keys_are_found_and_never_shown(tmp_path: Path) -> None:
    secret = "sk-ant-" + "api03-" + "Q7wErTy9zXcVbNmKjHgFdSaPoIuYtReWq3LkMn"
    (tmp_path / "settings.yaml").write_text(f"token: {secret}\n")
    evidence = scanned(tmp_path)
    finding = next(finding for finding in evidence.findings if finding.rule == "shadow-ai/leaked-key")
    assert finding.details["provider"] == "anthropic"
    assert "revoke the key at Anthropic: https://platform.claude.com/settings/keys;" in finding.fix
    shown = json.dumps([item.to_dict() for item in evidence.findings]) + json.dumps(evidence.facts)
    assert secret not in shown
    assert secret[14:] not in shown


def test_a_key_in_a_page_is_in_the_hands_of_whoever_opens_it(tmp_path: Path) -> None:
    secret = "sk-ant-" + "api03-" + "Q7wErTy9zXcVbNmKjHgFdSaPoIuYtReWq3LkMn"
    (tmp_path / "index.html").write_text(f'<script>const key = "{secret}"</script>\n')
    finding = next(one for one in scanned(tmp_path).findings if one.rule == "shadow-ai/leaked-key")
    assert finding.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "value",
    [
        "sk-your-key-here-xxxxxxxxxxxxxxxxxxxx",
        "sk-proj-" + "x" * 48,
        "hf_" + "a" * 34,
        "sk-ant-api03-EXAMPLE-EXAMPLE-EXAMPLE",
    ],
)
def test_placeholders_are_no_keys(tmp_path: Path, value: str) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={value}\n")
    assert not [finding for finding in scanned(tmp_path).findings if finding.rule == "shadow-ai/leaked-key"]


def test_pinned_downloads_are_quiet(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    (tmp_path / "a.py").write_text(
        "from transformers import AutoModel\n"
        f'AutoModel.from_pretrained("a/b", revision="{commit}")\n'
        'AutoModel.from_pretrained("a/c", revision="main")\n'
        'AutoModel.from_pretrained("./local")\n'
    )
    found = [finding.subject for finding in scanned(tmp_path).findings]
    assert found == ["from_pretrained a/c"]


def test_the_same_tree_gives_the_same_evidence(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(CALL)
    (tmp_path / "b.ts").write_text('import OpenAI from "openai"; new OpenAI({ baseURL: "https://api.deepseek.com" });')
    assert scanned(tmp_path).facts == scanned(tmp_path).facts


def test_head_decides_text_or_binary() -> None:
    assert is_binary(b"\x89PNG\r\n\x1a\n\0\0\0\r")
    assert not is_binary("héllo".encode("utf-16"))
    assert as_utf8("héllo".encode("utf-16")) == "héllo".encode()


def test_a_manifest_with_too_many_names_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from secpipe.scan.shadow_ai import manifests

    (tmp_path / "requirements.txt").write_text("a==1\n" * 60_000 + "openai\n")
    assert providers(scanned(tmp_path)) == {"openai"}
    monkeypatch.setattr(manifests, "_MAX_NAMES", 100)
    assert "packages" in scanned(tmp_path).skips[0].reason


def notebook(*lines: str) -> str:
    cell = {"cell_type": "code", "source": lines, "metadata": {}, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize("content", ["{", '{"cells": 1}', "[]", '{"cells": [{"cell_type": "code", "source": ["a"'])
def test_a_broken_notebook_is_not_read_whatever_it_holds(tmp_path: Path, content: str) -> None:
    (tmp_path / "app.py").write_text("print(1)\n")
    (tmp_path / "a.ipynb").write_text(content)
    assert [skip.path for skip in scanned(tmp_path).skips] == ["a.ipynb"]


def test_a_word_that_only_the_lines_of_a_cell_together_make_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(notebook("import coh", "ere\n", "cohe", "re.Client()\n"))
    assert providers(scanned(tmp_path)) == {"cohere"}


def test_an_empty_notebook_and_one_without_cells_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("")
    (tmp_path / "b.ipynb").write_text('{"cells": [], "nbformat": 4}')
    (tmp_path / "c.ipynb").write_text(notebook("print(1)\n", "!pip list\n"))
    evidence = scanned(tmp_path)
    assert (evidence.skips, evidence.facts["uses"]) == ((), [])
