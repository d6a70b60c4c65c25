"""Vector collections: the digest of the snapshot and the model that embedded it stand in the inventory."""

from __future__ import annotations

import hashlib
from pathlib import Path

from secpipe.core.artifact import FileEntry, dir_hash
from secpipe.core.inventory import ComponentKind, Grade
from secpipe.system.tree import walk
from tests.unit.sbom.test_collect import named, put

SQLITE = b"SQLite format 3\0" + bytes(84)


def entries(root: Path, folder: str) -> list[FileEntry]:
    return list(walk(root / folder).files)


def test_a_snapshot_in_one_file_and_its_embedding_model(tmp_path: Path) -> None:
    data = b"IxF2" + bytes(40)
    seen = put(tmp_path, {"rag/index.faiss": data, "rag/config.json": {"embedding": {"model_name": "bge-small"}}})
    one = named(seen, "index.faiss")
    assert (one.kind, one.digests[0].value) == (ComponentKind.DATASET, hashlib.sha256(data).hexdigest())
    assert (one.facts["embedding-model"].value, one.facts["embedding-model"].grade) == ("bge-small", Grade.DECLARED)
    assert not [skip for skip in seen.skipped if "faiss" in skip.path]


def test_a_folder_is_known_by_the_digest_of_all_its_files(tmp_path: Path) -> None:
    files = {
        "store/chroma.sqlite3": SQLITE, "store/0f/data_level0.bin": b"vectors",
        "store/collection.yaml": "embedding_model: text-embedding-3-small\n",
        "tables/docs.lance/data/1.lance": b"LANC", "tables/docs.lance/_versions/1.manifest": b"m",
    }  # fmt: skip
    seen = put(tmp_path, files)
    chroma, lance = named(seen, "store"), named(seen, "docs.lance")
    assert chroma.facts["snapshot-dirhash"].value == dir_hash(entries(tmp_path, "store"))
    assert chroma.facts["embedding-model"].value == "text-embedding-3-small"
    assert lance.facts["snapshot-dirhash"].value == dir_hash(entries(tmp_path, "tables/docs.lance"))
    assert "embedding-model" not in lance.facts
    before = chroma.facts["snapshot-dirhash"].value
    seen = put(tmp_path, {"store/0f/data_level0.bin": b"poisoned"})
    assert named(seen, "store").facts["snapshot-dirhash"].value != before


def test_what_stands_beside_is_only_read(tmp_path: Path) -> None:
    seen = put(
        tmp_path, {"a/x.faiss": b"IxF2", "a/config.json": b"{", "a/settings.yaml": "- 1\n", "a/metadata.json": [7]}
    )
    assert "embedding-model" not in named(seen, "x.faiss").facts
