"""Whatever happens to a tree between two runs: with results kept by content the verdict is the same, byte for byte."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.core.evidence import Evidence, State
from secpipe.gate import record
from secpipe.gate.cached import parts as room
from secpipe.gate.pipeline import check
from secpipe.gate.request import Request
from secpipe.report.json import dump
from secpipe.system import diskcache

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
MODEL = struct.pack("<Q", len(HEADER)) + HEADER


class _Shell:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


#: Content of every kind that a check looks at; the same content may come back under another name.
CONTENTS = {
    "attrs": f"attrs==24.2.0 --hash=sha256:{'a' * 64}\n".encode(),
    "torch": f"torch==2.1.0 --hash=sha256:{'b' * 64}\njinja2==3.0\n".encode(),
    "broken": b"[[ not a lock",
    "openai": b"import openai\nclient = openai.OpenAI(base_url='https://api.deepseek.com/v1')\n",
    "syntax": b"import openai\ndef (:\n",
    "key": b"TOKEN = 'sk-proj-" + b"a1B2c3D4e5" * 5 + b"'\n",
    "quiet": b"x = 1\n",
    "model": MODEL + struct.pack("<f", 1.0),
    "other model": MODEL + struct.pack("<f", 2.0),
    "cut model": MODEL[:-9],
    "pickle": pickle.dumps(_Shell()),
    "binary": bytes(range(256)),
    "empty": b"",
}
NAMES = ["requirements.txt", "uv.lock", "a.py", "b.py", "w/model.safetensors", "w/x.pkl", "w/a.py", "README.md", ".env"]
CHANGES = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(sorted(CONTENTS))),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("link"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("exclude"), st.sampled_from([*NAMES, "w"]), st.just("")),
    st.tuples(st.just("wait"), st.just(""), st.sampled_from(["1", "30", "400"])),
    st.tuples(st.just("nothing"), st.just(""), st.just("")),
)


@contextmanager
def machine() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "GIT"))}
    environ |= {"SECPIPE_HOME": str(folder / "home"), "SECPIPE_CACHE": str(folder / "cache")}
    try:
        with mock.patch.dict(os.environ, environ, clear=True):
            (folder / "project").mkdir()
            yield folder
    finally:
        shutil.rmtree(folder)


def carry_out(project: Path, change: tuple[str, str, str], request: Request) -> Request:
    """Do to the project what a commit may do, and return the next question."""
    what, name, other = change
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "write":
        path.unlink(missing_ok=True)
        path.write_bytes(CONTENTS[other])
    elif what == "remove":
        path.unlink(missing_ok=True)
    elif what == "rename" and path.exists() and name != other:
        (project / other).parent.mkdir(parents=True, exist_ok=True)
        path.replace(project / other)
    elif what == "link" and name != other:
        path.unlink(missing_ok=True)
        path.symlink_to(os.path.relpath(project / other, path.parent))
    elif what == "exclude":
        return replace(request, exclude=(name,))
    elif what == "wait":
        return replace(request, now=request.now + timedelta(days=int(other)))
    return request


def both(request: Request) -> tuple[bytes, bytes]:
    """Return verdict and evidence as bytes, with what was kept and without."""
    made = []
    for parts in (True, False):
        outcome = check(replace(request, parts=parts))
        made.append(dump(outcome.document).encode() + record.encode(outcome.record))
    return made[0], made[1]


@settings(max_examples=25, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=8))
def test_the_same_bytes_with_and_without(changes: list[tuple[str, str, str]]) -> None:
    with machine() as folder:
        request = Request(path=folder / "project", now=NOW, policy="builtin:baseline")
        for change in changes:
            request = carry_out(request.path, change, request)
            kept_, fresh = both(request)
            assert kept_ == fresh, change


def everything(project: Path, but: tuple[str, ...] = ()) -> None:
    for number, (name, data) in enumerate(sorted(CONTENTS.items())):
        if name not in ("broken", "syntax", *but):
            ending = {"model": "safetensors", "pickle": "pkl"}.get(name.split()[-1], "py")
            (project / f"{number}.{ending}").write_bytes(data)
    (project / "requirements.txt").write_bytes(CONTENTS["torch"])


def test_the_second_run_looks_at_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from secpipe.gate.cached import look
    from secpipe.sbom import collect
    from secpipe.scan.models import scan as models
    from secpipe.scan.shadow_ai import scan as shadow_ai
    from secpipe.scan.vulnerabilities import audit

    looked: list[str] = []
    with machine() as folder:
        everything(folder / "project")
        for name, data in (("uv.lock", "broken"), ("s.py", "syntax")):  # what cannot be read stays so
            (folder / "project" / name).write_bytes(CONTENTS[data])
        (folder / "project/gone").symlink_to("nowhere")
        request = Request(path=folder / "project", now=NOW, policy="builtin:baseline", parts=True)
        for module, name in (
            (collect, "collect"),
            (audit, "audit"),
            (models, "scan_file"),
            (shadow_ai, "is_binary"),
            (look, "is_plain"),
        ):
            real = getattr(module, name)

            def watched(*arguments: Any, real: Any = real, name: str = name, **options: Any) -> Any:
                looked.append(name)
                return real(*arguments, **options)

            monkeypatch.setattr(module, name, watched)
        check(request)
        assert set(looked) == {"collect", "audit", "scan_file", "is_binary", "is_plain"}
        looked.clear()
        check(request)
        assert looked == []
        (folder / "project/new.py").write_text("y = 2\n")
        check(request)
        assert looked.count("is_plain") == 1
        assert "scan_file" not in looked
        assert "audit" not in looked


def test_a_run_in_which_a_file_changed_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read this time may be read next time: it is looked at again."""
    from secpipe.gate import pipeline
    from secpipe.scan.models import scan as models

    real = models.scan_file
    monkeypatch.setattr(pipeline, "first_look", lambda request: None)  # the scans open each file themselves

    with machine() as folder:

        def late(opened: Any, entry: Any, *arguments: Any, **options: Any) -> Any:
            if entry.path == "a.safetensors":
                (folder / "project" / entry.path).write_bytes(CONTENTS["other model"])
            return real(opened, entry, *arguments, **options)

        (folder / "project/a.safetensors").write_bytes(CONTENTS["model"])
        request = Request(path=folder / "project", now=NOW, policy="builtin:baseline", parts=True)
        monkeypatch.setattr(models, "scan_file", late)
        assert any("changed" in skip.reason for skip in check(request).record.evidence["models"].skips)
        assert not list((folder / "cache").rglob("parts/*"))


SPOIL = [
    lambda data: data[:-1],
    lambda data: b"",
    lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
    lambda data: data[32:],
]


@pytest.mark.parametrize("spoil", SPOIL)
def test_what_was_tampered_with_is_looked_at_again(spoil: Any) -> None:
    with machine() as folder:
        everything(folder / "project")
        request = Request(path=folder / "project", now=NOW, policy="builtin:baseline")
        both(request)
        (entry,) = (folder / "cache/parts").glob("*")
        entry.write_bytes(spoil(entry.read_bytes()))
        kept_, fresh = both(request)
        assert kept_ == fresh


def test_rows_of_another_shape_are_looked_at_again() -> None:
    """Even under a valid MAC nothing in them can raise, or pass for a result."""
    with machine() as folder:
        everything(folder / "project")
        request = Request(path=folder / "project", now=NOW, policy="builtin:baseline")
        both(request)
        (entry,) = (folder / "cache/parts").glob("*")
        good = diskcache.find(entry)
        assert isinstance(good, dict)
        for bad in (None, 1, "x", [], {}, {"evidence": 1}, [1, 2, 3, 4], {"state": "ok"}):
            for key in good:
                diskcache.keep(entry, {**good, key: bad})
                kept_, fresh = both(request)
                assert kept_ == fresh, (key, bad)
        diskcache.keep(entry, [])
        assert both(request)[0] == both(request)[1]


def test_without_a_key_that_is_ours_alone_nothing_is_believed_or_kept() -> None:
    with machine() as folder:
        everything(folder / "project")
        request = Request(path=folder / "project", now=NOW, policy="builtin:baseline", parts=True)
        check(request)
        (entry,) = (folder / "cache/parts").glob("*")
        (folder / "home/cache.key").chmod(0o644)
        before = entry.read_bytes()
        assert diskcache.find(entry) is None
        (folder / "project/new.py").write_text("y = 2\n")
        check(request)
        assert entry.read_bytes() == before


@pytest.mark.parametrize("environ", [{"GITHUB_EVENT_NAME": "pull_request"}, {"CI": "true"}])
def test_a_job_for_a_foreign_change_neither_reads_nor_writes(environ: dict[str, str]) -> None:
    with machine() as folder:
        request = Request(path=folder / "project", now=NOW, policy="builtin:baseline", parts=True)
        everything(folder / "project")
        with mock.patch.dict(os.environ, environ):
            check(request)
            assert not (folder / "cache").exists()
        check(request)
        with mock.patch.dict(os.environ, environ), mock.patch.object(room.diskcache, "find") as find:
            check(request)
            assert not find.called


def test_an_audit_ends_with_its_feed() -> None:
    """A feed that says until when it is good goes stale on that day, whatever was kept the day before."""
    with machine() as folder:
        parts = room.Parts(folder / "cache/parts/x", "c")
        parts.stock = "s"
        about = {"feeds": [{"name": "acme", "expires": "2026-11-23T00:00:00Z"}, {"name": "other", "expires": ""}]}
        good = Evidence("audit", State.OK, facts={"n": 1})
        assert parts.audit(about, NOW, lambda: good) == good
        parts.save()
        other = Evidence("audit", State.STALE, "expired")
        for now, expected in (
            (NOW + timedelta(days=1), good),
            (NOW + timedelta(days=2), other),
            (NOW - timedelta(hours=1), other),
        ):
            again = room.Parts(folder / "cache/parts/x", "c")
            again.stock = "s"
            assert again.audit(about, now, lambda: other) == expected, now
