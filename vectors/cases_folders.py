"""Cases about model folders: what stands there against what was signed, and manifests that lie."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from secpipe.sign.manifest import Manifest
from secpipe.sign.sidecars import SIDECARS
from vectors.book import Book
from vectors.cases_signatures import BUILDER, TRUST
from vectors.world import document, dumps, sha256, twins

NAME = "tiny-model"
FILES = {
    "config.json": "{}",
    "weights/a.safetensors": "aaaa",
    "weights/b.safetensors": "bbbb",
    "weights-extra.txt": "c",
    "empty": "",
    "é.txt": "accent",
    "Z": "z",
}
MODEL = "https://model_signing/signature/v1.0"


def tree_of(files: Mapping[str, str], *more: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"path": path, "text": text} for path, text in files.items()] + [dict(one) for one in more]


def statement(
    files: Mapping[str, str], name: str = NAME, ignored: Sequence[str] = SIDECARS, kind: str = MODEL
) -> dict[str, Any]:
    """Return the honest statement over a folder."""
    manifest = Manifest({path: sha256(text.encode()) for path, text in files.items()}, tuple(ignored))
    digests = {"sha256": manifest.root_digest, "dirHash": manifest.dir_hash}
    return document(BUILDER, name, digests, kind, manifest.predicate())


def rehash(made: dict[str, Any]) -> None:
    """Let the digests follow from the manifest again, whatever stands in it."""
    rows = made["predicate"]["resources"]
    digests = {row["name"]: row["digest"] for row in rows}
    ordered = sorted(digests, key=lambda path: path.split("/"))
    root = hashlib.sha256(b"".join(bytes.fromhex(digests[path]) for path in ordered)).hexdigest()
    lines = b"".join(
        f"{digests[path]}  {path}\n".encode("utf-8", "surrogatepass")
        for path in sorted(digests, key=lambda path: path.encode("utf-8", "surrogatepass"))
    )
    made["subject"][0]["digest"] = {"sha256": root, "dirHash": sha256(lines)}


def add_all(book: Book) -> None:
    ours = twins(statement(FILES), BUILDER)

    def stands(
        id_: str,
        about: str,
        code: str,
        tree: Sequence[Mapping[str, Any]],
        name: str = NAME,
        asked: str = "",
        **demand: Any,
    ) -> None:
        demand |= {"demanded": asked} if asked else {}
        book.artifact(f"folder/{id_}", about, code, TRUST, ours, tree, name=name, folder=True, **demand)

    def without(*paths: str) -> dict[str, str]:
        return {path: text for path, text in FILES.items() if path not in paths}

    stands("good", "Every file is as it was signed.", "", tree_of(FILES))
    stands(
        "good-pinned",
        "Name, purpose and environment are asked for.",
        "",
        tree_of(FILES),
        purpose="model",
        environment="prod",
    )
    stands(
        "empty-folder", "A folder without files is not seen.", "", tree_of(FILES, {"path": "nothing", "folder": True})
    )
    stands("changed", "A file has another content.", "changed-file", tree_of(FILES | {"config.json": "{ }"}))
    stands(
        "changed-line-ends",
        "A line end of Windows is another content.",
        "changed-file",
        tree_of(FILES | {"é.txt": "accent\r\n"}),
    )
    stands("changed-empty", "A file lost its content.", "changed-file", tree_of(FILES | {"Z": ""}))
    stands("filled-empty", "An empty file got some.", "changed-file", tree_of(FILES | {"empty": " "}))
    stands(
        "exchanged",
        "Two files exchanged their contents: the OMS root would still hold.",
        "changed-file",
        tree_of(FILES | {"weights/a.safetensors": "bbbb", "weights/b.safetensors": "aaaa"}),
    )
    stands("extra", "A file that was not there.", "extra-file", tree_of(FILES | {"new.py": "import os"}))
    stands("extra-hidden", "A hidden file.", "extra-file", tree_of(FILES | {".hidden": ""}))
    stands("extra-deep", "A file deep down.", "extra-file", tree_of(FILES | {"a/b/c/d": ""}))
    stands("missing", "A file is gone.", "missing-file", tree_of(without("config.json")))
    stands("missing-empty", "An empty file is gone.", "missing-file", tree_of(without("empty")))
    stands(
        "missing-folder",
        "A folder is gone.",
        "missing-file",
        tree_of(without("weights/a.safetensors", "weights/b.safetensors")),
    )
    stands("all-gone", "Nothing but the bundles is left.", "missing-file", [])
    renamed = without("config.json") | {"configuration.json": "{}"}
    stands("renamed", "A file under another name: extra is said before missing.", "extra-file", tree_of(renamed))
    stands("renamed-case", "A file whose name differs by case.", "extra-file", tree_of(without("Z") | {"z": "z"}))
    stands(
        "renamed-unicode",
        "A name in another Unicode form.",
        "extra-file",
        tree_of(without("é.txt") | {"e\u0301.txt": "accent"}),
    )
    stands(
        "renamed-fullwidth",
        "A name that looks the same.",
        "extra-file",
        tree_of(without("config.json") | {"config．json": "{}"}),
    )
    stands("moved", "A file in another folder.", "extra-file", tree_of(without("Z") | {"weights/Z": "z"}))
    stands(
        "changed-and-missing",
        "The first in the order of paths is said.",
        "missing-file",
        tree_of(without("config.json") | {"weights/b.safetensors": "x"}),
    )
    stands(
        "missing-and-changed",
        "The first in the order of paths is said.",
        "changed-file",
        tree_of(without("weights/b.safetensors") | {"Z": "x"}),
    )
    stands(
        "link-extra", "A link beside the files.", "extra-file", tree_of(FILES, {"path": "link", "link": "config.json"})
    )
    stands(
        "link-for-file",
        "A link stands for a file and leads to its content.",
        "extra-file",
        tree_of(without("config.json") | {"copy.txt": "{}"}, {"path": "config.json", "link": "copy.txt"}),
    )
    stands(
        "link-broken", "A link that leads nowhere.", "extra-file", tree_of(FILES, {"path": "link", "link": "nowhere"})
    )
    stands(
        "link-outside",
        "A link that leads out of the folder.",
        "extra-file",
        tree_of(FILES, {"path": "link", "link": "../../etc/passwd"}),
    )
    stands("link-to-folder", "A link to a folder.", "extra-file", tree_of(FILES, {"path": "more", "link": "weights"}))
    stands(
        "link-proof",
        "A link under the name of a proof.",
        "extra-file",
        tree_of(FILES, {"path": "model.sig.tlog-proof", "link": "config.json"}),
    )
    stands(
        "proof",
        "A file under the name that is kept for a proof.",
        "extra-file",
        tree_of(FILES | {"model.sig.tlog-proof": "x"}),
    )
    stands(
        "sidecar-deep",
        "A sidecar's name further down is a file like any other.",
        "extra-file",
        tree_of(FILES | {"weights/model.sig": "x"}),
    )
    stands("sidecar-case", "A sidecar's name in another case.", "extra-file", tree_of(FILES | {"MODEL.SIG": "x"}))
    half = (ours[0], None)
    there = {"path": "model.pqc.sig", "folder": True}
    book.artifact(
        "folder/sidecar-folder",
        "A folder stands where the other half belongs.",
        "bundle-malformed",
        TRUST,
        half,
        tree_of(FILES, there),
        name=NAME,
        folder=True,
    )
    there = {"path": "model.pqc.sig", "link": "config.json"}
    book.artifact(
        "folder/sidecar-link",
        "A link stands where the other half belongs.",
        "bundle-malformed",
        TRUST,
        half,
        tree_of(FILES, there),
        name=NAME,
        folder=True,
    )
    stands("git", "A git store inside.", "extra-file", tree_of(FILES | {".git/config": "[core]"}))
    stands("git-deep", "A git store further down.", "extra-file", tree_of(FILES | {"weights/.git/config": "[core]"}))
    stands("git-empty", "An empty git store.", "extra-file", tree_of(FILES, {"path": ".git", "folder": True}))
    stands("folder-renamed", "The folder bears another name.", "wrong-name", tree_of(FILES), name="other-model")
    stands(
        "folder-renamed-accepted",
        "Another name, which is asked for.",
        "",
        tree_of(FILES),
        name="other-model",
        asked="tiny-model",
    )
    stands("name-asked", "Another name is asked for.", "wrong-name", tree_of(FILES), asked="other-model")
    stands(
        "ignored-extra",
        "A file that the verifier leaves out knowingly.",
        "",
        tree_of(FILES | {"notes.md": "x"}),
        ignore=["notes.md"],
    )
    stands(
        "ignored-folder",
        "A folder that the verifier leaves out knowingly.",
        "",
        tree_of(FILES | {"notes/a": "x", "notes/b/c": "y"}),
        ignore=["notes"],
    )
    stands(
        "ignored-prefix",
        "A name that only begins like it.",
        "extra-file",
        tree_of(FILES | {"notes2": "x"}),
        ignore=["notes"],
    )
    stands(
        "ignored-signed",
        "A signed file cannot be left out.",
        "changed-file",
        tree_of(FILES | {"config.json": "x"}),
        ignore=["config.json"],
    )
    stands(
        "ignored-signed-folder",
        "Nor the folder of one.",
        "changed-file",
        tree_of(FILES | {"weights/a.safetensors": "x"}),
        ignore=["weights"],
    )
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 4\n"
    stands(
        "lfs-pointer", "A pointer of Git LFS where the file belongs.", "changed-file", tree_of(FILES | {"Z": pointer})
    )
    signed_pointer = FILES | {"Z": pointer}
    book.artifact(
        "folder/lfs-pointer-signed",
        "One that was signed is what was signed: whether it is a model, others judge.",
        "",
        TRUST,
        twins(statement(signed_pointer), BUILDER),
        tree_of(signed_pointer),
        name=NAME,
        folder=True,
    )
    manifests(book)


def manifests(book: Book) -> None:
    def add(
        id_: str,
        about: str,
        code: str,
        change: Callable[[dict[str, Any]], Any],
        *,
        again: bool = True,
        tree: Any = None,
        **rest: Any,
    ) -> None:
        made = copy.deepcopy(statement(FILES))
        change(made)
        if again:
            rehash(made)
        book.artifact(
            f"manifest/{id_}",
            about,
            code,
            TRUST,
            twins(made, BUILDER),
            tree or tree_of(FILES),
            name=NAME,
            folder=True,
            **rest,
        )

    bad = "manifest-malformed"
    rows = lambda one: one["predicate"]["resources"]  # noqa: E731
    how = lambda one: one["predicate"]["serialization"]  # noqa: E731
    digest = lambda one: one["subject"][0]["digest"]  # noqa: E731
    add("order", "Resources may be listed in any order.", "", lambda one: rows(one).reverse(), again=False)
    add(
        "root-wrong",
        "Another OMS root.",
        "manifest-digests",
        lambda one: digest(one).update(sha256="0" * 64),
        again=False,
    )
    add(
        "dirhash-wrong",
        "Another dirHash.",
        "manifest-digests",
        lambda one: digest(one).update(dirHash="0" * 64),
        again=False,
    )
    add(
        "dirhash-missing",
        "No dirHash: names are not bound.",
        "manifest-digests",
        lambda one: digest(one).pop("dirHash"),
        again=False,
    )
    add(
        "dirhash-malformed",
        "A dirHash that is none.",
        "statement-malformed",
        lambda one: digest(one).update(dirHash="x"),
        again=False,
    )
    add(
        "other-digest",
        "A further digest, which nobody compares.",
        "statement-malformed",
        lambda one: digest(one).update(sha512="0" * 128),
        again=False,
    )
    add(
        "renamed-inside",
        "A name changed in the manifest, the OMS root kept.",
        "manifest-digests",
        lambda one: rows(one)[0].update(name="Y"),
        again=False,
    )
    add("fewer", "The manifest leaves a file out.", "extra-file", lambda one: rows(one).pop())
    add(
        "more",
        "The manifest lists a file that is not there.",
        "missing-file",
        lambda one: rows(one).append({"name": "more", "algorithm": "sha256", "digest": "0" * 64}),
    )
    add("nothing", "The manifest lists nothing.", "extra-file", lambda one: rows(one).clear())
    for word, path in {
        "absolute": "/etc/passwd", "parent": "../up", "inner-parent": "a/../b", "dot": "./a", "empty-part": "a//b", "end-slash": "a/", "empty": "", "backslash": "a\\b",
        "newline": "a\nb", "return": "a\rb", "nul": "a\0b", "only-dot": ".", "only-dots": "..",
    }.items():  # fmt: skip
        add(
            f"path-{word}",
            f"A path in the manifest: {word}.",
            bad,
            lambda one, path=path: rows(one).append({"name": path, "algorithm": "sha256", "digest": "0" * 64}),
        )
    add(
        "path-dots-in-name",
        "Dots inside a name are a name.",
        "",
        lambda one: rows(one).append({"name": "..a/...", "algorithm": "sha256", "digest": sha256(b"x")}),
        tree=tree_of(FILES | {"..a/...": "x"}),
    )
    add(
        "path-spaces",
        "So are spaces and a colon.",
        "",
        lambda one: rows(one).append({"name": " a b : ", "algorithm": "sha256", "digest": sha256(b"x")}),
        tree=tree_of(FILES | {" a b : ": "x"}),
    )
    add("path-twice", "A path stands twice.", bad, lambda one: rows(one).append(rows(one)[0]), again=False)
    add(
        "path-two-forms",
        "Two paths are one in Unicode's composed form.",
        bad,
        lambda one: rows(one).append({"name": "e\u0301.txt", "algorithm": "sha256", "digest": "0" * 64}),
    )
    add(
        "path-number",
        "A path that is a number.",
        bad,
        lambda one: rows(one).append({"name": 1, "algorithm": "sha256", "digest": "0" * 64}),
        again=False,
    )
    add(
        "algorithm-other",
        "A file under another algorithm.",
        bad,
        lambda one: rows(one)[0].update(algorithm="blake2b"),
        again=False,
    )
    add("digest-upper", "A digest in capitals.", bad, lambda one: rows(one)[0].update(digest="A" * 64), again=False)
    add(
        "digest-short",
        "A digest that is too short.",
        bad,
        lambda one: rows(one)[0].update(digest="0" * 62),
        again=False,
    )
    add("row-unknown-field", "An unknown field of a file.", bad, lambda one: rows(one)[0].update(size=1))
    add("row-missing-field", "A file without an algorithm.", bad, lambda one: rows(one)[0].pop("algorithm"))
    add(
        "resources-object",
        "Resources that are an object.",
        bad,
        lambda one: one["predicate"].update(resources={}),
        again=False,
    )
    add("resources-missing", "No resources.", bad, lambda one: one["predicate"].pop("resources"), again=False)
    add(
        "serialization-missing",
        "No serialization.",
        bad,
        lambda one: one["predicate"].pop("serialization"),
        again=False,
    )
    add("predicate-unknown", "An unknown field of the predicate.", bad, lambda one: one["predicate"].update(note=1))
    add("method-shards", "The shards of OMS.", bad, lambda one: how(one).update(method="shards"))
    add("hash-type", "Another hash.", bad, lambda one: how(one).update(hash_type="sha512"))
    add("symlinks-true", "A signer who followed links.", bad, lambda one: how(one).update(allow_symlinks=True))
    add("symlinks-zero", "Zero is not false.", bad, lambda one: how(one).update(allow_symlinks=0))
    add(
        "serialization-unknown",
        "An unknown field of the serialization.",
        bad,
        lambda one: how(one).update(shard_size=1),
    )
    add("ignore-none", "No ignored paths at all.", "", lambda one: how(one).pop("ignore_paths"))
    add("ignore-empty", "An empty list of ignored paths.", "", lambda one: how(one).update(ignore_paths=[]))
    add(
        "ignore-git",
        "The signature leaves out .git.",
        "ignored-path",
        lambda one: how(one)["ignore_paths"].append(".git"),
    )
    add(
        "ignore-foreign",
        "The signature leaves out a folder.",
        "ignored-path",
        lambda one: how(one)["ignore_paths"].append("code"),
    )
    add(
        "ignore-accepted",
        "A folder that the verifier leaves out as well.",
        "",
        lambda one: how(one)["ignore_paths"].append("code"),
        tree=tree_of(FILES | {"code/x.py": "x"}),
        ignore=["code"],
    )
    add("ignore-parent", "A path that leaves the folder.", bad, lambda one: how(one)["ignore_paths"].append("../x"))
    add("ignore-object", "Ignored paths that are an object.", bad, lambda one: how(one).update(ignore_paths={}))
    for kind in ("skill", "plugin"):
        add(
            f"type-{kind}",
            f"A folder signed as a {kind}.",
            "",
            lambda one, kind=kind: one.update(predicateType=f"https://secpipe.dev/{kind}/v1"),
        )
    add(
        "type-file",
        "A file's type over a folder.",
        "predicate-not-empty",
        lambda one: one.update(predicateType="https://secpipe.dev/file/v1"),
    )
    odd = dumps(statement(FILES)).replace(b'"name":"Z"', b'"name":"\\ud800"')
    book.artifact(
        "manifest/path-surrogate",
        "A path that is not Unicode.",
        bad,
        TRUST,
        twins(odd, BUILDER),
        tree_of(FILES),
        name=NAME,
        folder=True,
    )
    empty = document(BUILDER, NAME, {"sha256": sha256(b"")})
    book.artifact(
        "manifest/type-file-empty",
        "A file's type over a folder, claiming nothing.",
        "wrong-form",
        TRUST,
        twins(empty, BUILDER),
        tree_of(FILES),
        name=NAME,
        folder=True,
    )
    order = {"a/b": "1", "a-b": "2", "a.b": "3", "a/a": "4"}
    book.artifact(
        "manifest/order-of-parts",
        "Paths are ordered part by part for the root, byte by byte for dirHash.",
        "",
        TRUST,
        twins(statement(order), BUILDER),
        tree_of(order),
        name=NAME,
        folder=True,
    )
    astral = {"\U0001f600": "1", "\uffee": "2", "z": "3"}
    book.artifact(
        "manifest/order-beyond-16-bits",
        "Order is by code point, and not by UTF-16 unit.",
        "",
        TRUST,
        twins(statement(astral), BUILDER),
        tree_of(astral),
        name=NAME,
        folder=True,
    )
