"""sd-scripts: what the metadata of a trained adapter says (`ss_*`) of its base, its data and its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from secpipe.core.artifact import Digest
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.lineage.importers.claims import MOST, Claims, named, number, parameters, table
from secpipe.lineage.record import Input, Role, Tool

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LEGACY = re.compile(r"[0-9a-f]{8}")


def read(metadata: Mapping[str, str]) -> Claims | None:
    """Return what the metadata says, None where it holds no `ss_` key."""
    if not any(key.startswith("ss_") for key in metadata):
        return None
    settings = {new: number(metadata[old]) for old, new in table("ss").items() if metadata.get(old, "None") != "None"}
    version = metadata.get("ss_sd_scripts_commit_hash", "")[:64]
    inputs = (*_base(metadata), *_vae(metadata), *_data(metadata))
    return Claims("ss", "train", inputs, parameters(settings), (), Tool("sd-scripts", version))


def _base(metadata: Mapping[str, str]) -> Iterator[Input]:
    name = named(metadata.get("ss_sd_model_name", ""))
    whole, legacy = metadata.get("ss_new_sd_model_hash", "").lower(), metadata.get("ss_sd_model_hash", "").lower()
    digests = [Digest("sha256", whole)] if _SHA256.fullmatch(whole) else []
    digests += [Digest("ss-legacy", legacy)] if _LEGACY.fullmatch(legacy) else []
    if (name and name != "None") or digests:
        yield Input(name, Role.MODEL, tuple(digests))


def _vae(metadata: Mapping[str, str]) -> Iterator[Input]:
    name = named(metadata.get("ss_vae_name", ""))
    whole = metadata.get("ss_new_vae_hash", "").lower()
    if name and name != "None":
        yield Input(name, "vae", (Digest("sha256", whole),) if _SHA256.fullmatch(whole) else ())


def _data(metadata: Mapping[str, str]) -> Iterator[Input]:
    try:
        folders = parse_json(metadata.get("ss_dataset_dirs", "{}").encode("utf-8", "replace"), "ss_dataset_dirs")
    except InputError:
        return
    for name in list(folders)[:MOST] if isinstance(folders, dict) else ():
        yield Input(named(name) or "dataset", "dataset")
