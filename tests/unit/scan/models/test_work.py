"""What looking into one file may cost is bounded by its bytes, whatever is nested in it; what is left out is told."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from secpipe.core.artifact import FileEntry
from secpipe.core.limits import DEFAULT
from secpipe.scan.models.allow import shipped_list
from secpipe.scan.models.context import Sink
from secpipe.scan.models.routes import LOOK
from secpipe.scan.models.scan import Judged, judge_content, scan_file
from secpipe.scan.models.work import SPENT, Work, allowed

EVIL = b"cposix\nsystem\n(X\x02\0\0\0idtR."
OPS = b"\x80\x02]" + b"N0" * 60_000 + b"."
#: A hundredth of what is allowed, so that a hundredth of the bytes shows the same.
SMALL = replace(DEFAULT, work_free=DEFAULT.work_free // 100)


def look(data: bytes, name: str = "m.pkl") -> tuple[Sink, Work]:
    work = allowed(len(data), SMALL)
    sink = Sink(name, SMALL, LOOK, work)
    scan_file(lambda: io.BytesIO(data), FileEntry(name, len(data), 0o644, "", data[:64]), sink, shipped_list())
    return sink, work


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def in_strings(data: bytes, count: int) -> bytes:
    return b"\x80\x04]" + (b"B" + len(data).to_bytes(4, "little") + data + b"0") * count + b"."


BOMBS: dict[str, Callable[[], bytes]] = {
    "many members": lambda: zipped({f"m{n}": OPS for n in range(60)}),
    "archives in archives": lambda: zipped({f"{n}.zip": zipped({f"m{k}": OPS for k in range(8)}) for n in range(8)}),
    "repeated opcodes": lambda: gzip.compress(b"\x80\x02]" + b"N0" * 3_000_000 + b"."),
    "nested compressors": lambda: gzip.compress(lzma.compress(bz2.compress(b"\x80\x02]" + b"N0" * 3_000_000 + b"."))),
    "compressed strings": lambda: in_strings(gzip.compress(OPS), 60),
    "memo": lambda: gzip.compress(b"\x80\x04]" + b"\x940]" * 2_000_000 + b"."),
    "texts": lambda: zipped({f"{n}.py": b"{{ a }}" * 60_000 for n in range(60)}),
    "empty members": lambda: zipped({f"{n:x}": b"" for n in range(9_000)}),
}


@pytest.mark.parametrize("name", sorted(set(BOMBS) - {"empty members"}))
def test_a_file_that_takes_more_work_than_its_bytes_allow_is_not_read_to_its_end(name: str) -> None:
    sink, work = look(BOMBS[name]())
    assert work.over
    assert any(SPENT in skip.reason for skip in sink.skips), sink.skips[:3]
    assert "models/resource-limit" in {finding.rule for finding in sink.findings.values()}
    assert work.left > -2 * SMALL.work_free  # what goes over is one piece, not a file


def test_members_bring_the_work_that_they_cost() -> None:
    assert not look(BOMBS["empty members"]())[1].over


def test_what_stands_before_the_end_of_the_work_is_found_and_what_stands_behind_is_told() -> None:
    members = {"a.pkl": EVIL, **{f"m{n}": OPS for n in range(60)}}
    assert "models/dangerous-call" in {finding.rule for finding in look(zipped(members))[0].findings.values()}
    behind = {**{f"m{n}": OPS for n in range(60)}, "z.pkl": EVIL}
    sink, _ = look(zipped(behind))
    assert str(sink.outcome) == "review"
    assert sink.account().not_read > 1


def test_a_trial_that_comes_to_nothing_does_not_hide_that_the_work_is_spent() -> None:
    """Bytes that may be a pickle are judged apart, and forgotten if they are none: the end of the work is not."""
    junk = b"(" + b"N0" * 3_000_000 + b"\xff\xff"
    sink, work = look(zipped({"a": junk, "b.pkl": EVIL}))
    assert work.over
    assert sink.outcome != "ok"


def _ok(data: bytes, name: str) -> Judged:
    return judge_content(FileEntry(name, len(data), 0o644, "", data[:64]), data)


def test_aliases_of_yaml_are_gone_through_once() -> None:
    lines = ["_target_: torch.nn.Linear", "a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert _ok("\n".join(lines).encode(), "c.yaml").outcome == "ok"
    assert _ok("\n".join([*lines, "z: {_target_: os.system}"]).encode(), "c.yaml").outcome == "malicious"


def test_honest_files_have_work_to_spare() -> None:
    for data in (OPS, gzip.compress(OPS), zipped({f"m{n}.pkl": OPS for n in range(10)})):
        assert _ok(data, "m.pkl").outcome == "ok"
