"""`secpipe lineage show`: what an asset was made from, and what came of something found bad."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import at_option, clock_of, write_json, write_result
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED, ConfigError
from secpipe.core.foreign import Sink

if TYPE_CHECKING:
    from secpipe.core.artifact import Skip
    from secpipe.lineage.index import DerivationIndex
    from secpipe.lineage.index_rows import NamedThing

_DIGEST = re.compile(r"(?:(sha256|dirHash|commitment):)?([0-9a-f]{64})\Z", re.IGNORECASE)
_ALGORITHMS = {"sha256": "sha256", "dirhash": "dirHash", "commitment": "commitment"}
_FORMS = ("tree", "json", "dot", "html")


@click.command("show")
@click.argument("asset", metavar="ASSET|DIGEST|NAME")
@click.option("--up", "upwards", is_flag=True, help="Only what it was made from.")
@click.option("--down", "downwards", is_flag=True, help="Only what came of it: the recall list.")
@click.option(
    "--as", "kind", default="", metavar="KIND",
    help="What is meant: license, prompt (a file with its text), tool, model, adapter, dataset, ...",
)  # fmt: skip
@click.option(
    "--records", "folder", default=".", show_default=True, metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False), help="Where records and SBOMs lie.",
)  # fmt: skip
@click.option(
    "--trust", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Only records that are signed count: the public trust material. No index is kept then.",
)  # fmt: skip
@click.option("--trust-pin", default="", metavar="PIN", help="sha256:HEX of a root in its chain.")
@click.option("--rebuild", is_flag=True, help="Read every record again.")
@click.option(
    "-f", "--format", "form", type=click.Choice(_FORMS), default="tree", show_default=True,
    help="How the answer is written.",
)  # fmt: skip
@click.option("-o", "--output", default="-", metavar="FILE", help="Write the answer to FILE.")
@at_option
def show(
    asset: str,
    upwards: bool,
    downwards: bool,
    kind: str,
    folder: Path,
    trust: Path | None,
    trust_pin: str,
    rebuild: bool,
    form: str,
    output: str,
    at: str | None,
) -> int:
    """Show what ASSET was made from, and everything that came of it, by the records and SBOMs in a folder.

    ASSET is a file or folder, a digest, or a name: of a model, a LoRA, a dataset, a licence, a tool. Without --trust
    records are taken at their word. The folder is indexed in the cache; only what changed is read again.

    Exit codes: 0 answered, 3 nothing is known of it or not everything could be read.
    """
    from secpipe.lineage import questions

    if trust_pin and trust is None:
        raise ConfigError("--trust-pin pins a trust root, and none was given", hint="--trust FOLDER")
    asked, unread = _asked(asset, kind, folder)
    both = upwards == downwards
    with _opened(folder, rebuild, trust, trust_pin, at) as (index, skipped):
        roots = list({thing.id: thing for one in asked for thing in index.find(one)}.values())
        document = questions.document(
            questions.LineageQuestion(asset, _told(asked[0], kind), signed=trust is not None),
            roots,
            index.up(roots, questions.MOST) if both or upwards else None,
            index.down(roots, questions.MOST) if both or downwards else None,
            [*index.problems(), *((skip.path, skip.reason) for skip in (*skipped, *unread))],
        )
    _write(document, form, output)
    return EXIT_PASS if document["whole"] and document["found"] else EXIT_UNDECIDED


@contextlib.contextmanager
def _opened(
    folder: Path, rebuild: bool, trust: Path | None, pin: str, at: str | None
) -> Iterator[tuple[DerivationIndex, tuple[Skip, ...]]]:
    """Yield the index of the folder, up to date, and what could not be looked into."""
    import tempfile

    from secpipe.api.signatures import trust_of
    from secpipe.cli.lineage import gather
    from secpipe.lineage.index import DerivationIndex
    from secpipe.system import files, locks

    if trust is None:
        place = gather.index_place(folder)
        with locks.lock(place.with_suffix(".lock")):  # the first makes it, whoever asks meanwhile waits
            if rebuild:
                files.remove(place)
            with DerivationIndex(place) as index:
                yield index, gather.refresh(index, folder)
        return
    now = clock_of(at).now()
    state = trust_of(trust, pin, now, live=at is None)
    with tempfile.TemporaryDirectory() as name, DerivationIndex(Path(name).resolve() / "index.sqlite") as index:
        yield index, gather.refresh(index, folder, (state, now))


def _asked(word: str, kind: str, folder: Path) -> tuple[list[NamedThing], list[Skip]]:
    """Return what is meant by what was typed, and what could not be looked into to tell."""
    from secpipe.core.artifact import Digest
    from secpipe.core.text import printable
    from secpipe.lineage import beside
    from secpipe.lineage.index_rows import ANY, NamedThing

    if found := _DIGEST.match(word):
        names = [_ALGORITHMS[found[1].lower()]] if found[1] else list(_ALGORITHMS.values())
        return [NamedThing(ANY, "", (Digest(name, found[2].lower()),)) for name in names], []
    if kind == "prompt" and not Path(word).is_file():
        raise ConfigError(
            "a prompt is asked for by the file that holds its text", hint="a text in a command is seen by others"
        )
    if not Path(word).exists():
        return [NamedThing(kind, word)], []
    made = beside.subject(Path(word))
    known = [NamedThing(ANY, made.name, made.digests)]
    if kind != "prompt":
        return known, []
    from secpipe.cli.lineage import gather
    from secpipe.core.documents import text_of
    from secpipe.core.limits import DEFAULT
    from secpipe.lineage.commit import TEXT_BYTES
    from secpipe.system.files import read_bytes

    text = text_of(read_bytes(word, TEXT_BYTES), printable(word, 200), DEFAULT)
    meant, unread = gather.commitments(folder, text)
    return [*known, *(NamedThing(ANY, "", (one,)) for one in meant)], unread


def _told(one: NamedThing, kind: str) -> str:
    """Return the digest that was asked for; never that of a prompt's text, which could be guessed by it."""
    return str(one.digests[0]) if one.digests and kind != "prompt" else ""


def _write(document: dict[str, Any], form: str, output: str) -> None:
    from secpipe.report import lineage

    if form == "json":
        write_json(document, output)
        return
    write = {"tree": lineage.tree, "dot": lineage.dot, "html": lineage.html}[form]
    write_result(write(document), output, Sink.MARKUP if form == "html" else Sink.TEXT)
