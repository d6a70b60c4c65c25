"""`secpipe log show`, `prove`, `verify` and `export`: what reads a log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.log import options
from secpipe.cli.log.options import files_argument, folder_argument, keys_options
from secpipe.cli.options import form_option, plain_format, say, write_json, write_result
from secpipe.core import times
from secpipe.core.errors import EXIT_PASS, ConfigError
from secpipe.core.foreign import Sink

if TYPE_CHECKING:
    from secpipe.log.trusted import Trusted


@click.command("show")
@folder_argument
@click.option("--keys", "only_keys", is_flag=True, help="Print the verifier keys that this machine signs it with.")
@click.option("--type", "kind", default="", metavar="TYPE", help="Only entries of this type.")
@click.option("--of", "digest", default="", metavar="HEX", help="Only entries in which this digest stands.")
@plain_format
def show(folder: Path, only_keys: bool, kind: str, digest: str, form: str, output: str) -> int:
    """Show what stands in LOG, oldest first. Tiles are held against the checkpoint; whose that is, says log verify."""
    from secpipe.log.folder import Log

    data = Log(folder).checkpoint()
    if only_keys:
        mine = options.own_keys("log", options.head_of(data).origin)
        write_result("".join(f"{key.text()}\n" for key in mine), output, Sink.EXACT)
        return EXIT_PASS
    rows = [row for row in _rows(folder, data) if kind in ("", row["type"]) and (not digest or digest in str(row))]
    head = options.head_of(data)
    if form == "json":
        write_json({"schema": "secpipe.log/1", "origin": head.origin, "size": head.size, "entries": rows}, output)
        return EXIT_PASS
    lines = [
        f"{row['index']:>6}  {row['time']}  {row['type']:<12} sha256:{row['digest'][:16]}...  "
        + " ".join(f"{key}={value}" for key, value in row["about"].items())
        + ("" if row["signed"] else "  (not in a checkpoint yet)")
        for row in rows
    ]
    write_result("\n".join([*lines, f"{head.origin}: {head.size:,} in the checkpoint"]) + "\n", output)
    return EXIT_PASS


def _rows(folder: Path, data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the entries of the checkpoint, then those that wait for one."""
    from secpipe.core.text import printable
    from secpipe.log import entry, journal
    from secpipe.log.folder import Log
    from secpipe.log.reader import Reader

    head = options.head_of(data)
    found = list(Reader(folder, head).entries())
    if (folder / journal.NAME).is_file():
        behind, waiting = Log(folder).waiting()
        found += [(index, one) for index, one in enumerate(waiting, behind.start) if index >= head.size]
    for index, one in found:
        row = entry.parse(one)
        about = {key: printable(value) for key, value in sorted(row.about.items())}
        yield {
            "index": index, "type": row.type, "time": times.rfc3339(row.time), "digest": row.digest, "about": about,
            "signed": index < head.size,
        }  # fmt: skip


@click.command("prove")
@folder_argument
@files_argument
def prove(folder: Path, paths: tuple[Path, ...]) -> int:
    """Write FILE.tlog-proof beside each FILE that is logged; it is verified without the log and without a network."""
    from secpipe.log import beside
    from secpipe.log.folder import Log
    from secpipe.log.reader import Reader
    from secpipe.system import files

    data = Log(folder).checkpoint()
    tree = Reader(folder, options.head_of(data))
    for path in paths:
        index, one = beside.find(tree, options.digest_of(path)[0])
        files.write_atomic(beside.place(path), tree.prove(index, data, one).encode())
        say(f"{path.name}: entry {index} of {tree.head.origin}, proof in {beside.place(path).name}")
    return EXIT_PASS


@click.command("verify")
@click.argument("places", nargs=-1, required=True, metavar="LOG|FILE...", type=click.Path(path_type=Path, exists=True))
@keys_options
@form_option
def verify(places: tuple[Path, ...], keys: tuple[str, ...], witnesses: tuple[str, ...], quorum: int, form: str) -> int:
    """Verify every byte of LOG against its checkpoint, or the proof that stands beside FILE.

    Exit codes: 0 it holds, 1 it does not, 3 something is missing.
    """
    documents = []
    for path in places:
        found, lines = (_verify_log if path.is_dir() else _verify_file)(path, keys, witnesses, quorum)
        documents.append(found)
        if form != "json":
            for line in lines:
                say(line)
    if form == "json":
        write_json({"schema": "secpipe.log-verified/1", "verified": documents})
    return EXIT_PASS


def _verify_log(
    path: Path, keys: tuple[str, ...], witnesses: tuple[str, ...], quorum: int
) -> tuple[dict[str, Any], list[str]]:
    from secpipe.core.text import plural
    from secpipe.log import trusted
    from secpipe.log.audit import audit
    from secpipe.log.folder import Log

    data = Log(path).checkpoint()
    who = options.trusted_of(options.head_of(data).origin, keys, witnesses, quorum)
    seen = trusted.check(data, who)
    done = audit(path, seen.head)
    lines = [*options.told(seen), f"  every byte of {plural(done.files, 'file')} agrees"]
    return _document(str(path), seen) | {"files": done.files}, lines


def _verify_file(
    path: Path, keys: tuple[str, ...], witnesses: tuple[str, ...], quorum: int
) -> tuple[dict[str, Any], list[str]]:
    from secpipe.log import beside
    from secpipe.log.proof import SUFFIX

    path = path.with_name(path.name.removesuffix(SUFFIX))
    origin = options.head_of(beside.read(path).checkpoint).origin
    who: Trusted = options.trusted_of(origin, keys, witnesses, quorum)
    found = beside.verify(path, options.digest_of(path)[0], who)
    line = (
        f"{path.name} stands in {origin} as entry {found.index} ({found.entry.type}), "
        f"logged {times.rfc3339(found.entry.time)}"
    )
    extra = {"index": found.index, "type": found.entry.type, "time": times.rfc3339(found.entry.time)}
    return _document(str(path), found.seen) | extra, [line, *options.told(found.seen)]


def _document(path: str, seen: Any) -> dict[str, Any]:
    return {
        "path": path,
        "origin": seen.head.origin,
        "size": seen.head.size,
        "root": seen.head.root.hex(),
        "witnesses": list(seen.witnesses),
    }


@click.command("export")
@folder_argument
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path))
def export(folder: Path, target: Path) -> int:
    """Copy what LOG publishes into FOLDER: the files that a web server, a bucket or a repository gives to everybody.

    The checkpoint comes last, so that whoever reads meanwhile finds all that it stands on.
    """
    from secpipe.core.text import plural
    from secpipe.log.audit import exported
    from secpipe.log.folder import CHECKPOINT, Log
    from secpipe.system import durable, files

    data = Log(folder).checkpoint()
    if target.resolve() == folder.resolve():
        raise ConfigError("a log is not exported into itself")
    files.make_folder(target)
    written = set[str]()

    def noted() -> Iterator[tuple[str, bytes]]:
        for place, content in exported(folder, options.head_of(data)):
            written.add(place)
            yield place, content

    durable.write_all(target, noted())
    files.write_atomic(target / CHECKPOINT, data)
    say(f"{plural(len(written) + 1, 'file')} of {options.head_of(data).origin} written to {target}")
    return EXIT_PASS
