"""What a person names an image by: `oci://host/repository@sha256:...`, `oci-layout:FOLDER`, a tar of an image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from secpipe.core.errors import ConfigError, InputError
from secpipe.core.text import printable
from secpipe.gate.images.sources import Archive, ImageSource, Layout
from secpipe.system import files

REGISTRY: Final = "oci://"
LAYOUT: Final = "oci-layout:"


@contextmanager
def source_of(place: str, *, offline: bool = False) -> Iterator[ImageSource]:
    """Open where an image is. Uses the network for `oci://` alone: who names a registry asks for it.

    Raises ConfigError for a registry where nothing but `offline` will do, InputError for what cannot be read.
    """
    if place.startswith(REGISTRY):
        if offline:
            raise ConfigError("a registry is reached over the network", hint="leave --offline out")
        from secpipe.gate.images.remote import Remote

        yield Remote(place)
        return
    path, _, digest = place.removeprefix(LAYOUT).partition("@")
    if not path:
        raise ConfigError(f"{printable(place, 100)} names no image", hint="oci-layout:FOLDER, or FOLDER@sha256:HEX")
    if place.startswith(LAYOUT) and Path(path).is_dir():
        yield Layout(Path(path), digest)
        return
    if not Path(path).is_file():
        raise InputError(f"{printable(path, 200)} is neither an OCI layout nor a tar of one")
    with files.open_regular(path) as file:
        yield Archive(Path(path), file, digest)
