"""What `secpipe check` is given: a folder, or an image or hub repository, written out for the time of the check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from secpipe.core.errors import ConfigError

#: How an image is named; `gate.images.named` reads it.
_HUB = "hf://"
_SCHEMES = ("oci://", "oci-layout:", _HUB)


def is_image(place: str) -> bool:
    """Tell whether `place` names an image or a repository of a hub, and not a folder."""
    return place.startswith(_SCHEMES) or (place.endswith(".tar") and Path(place).is_file())


@contextmanager
def written_out(place: str, *, offline: bool) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give the folder to judge and, of an image, what the request says of it."""
    if not is_image(place):
        yield Path(place), {}
        return
    if place.startswith(_HUB):
        if offline:
            raise ConfigError("a hub is reached over the network", hint="leave --offline out")
        from secpipe.gate.images.hub import fetched

        with fetched(place) as found:
            yield found.folder, {"name": found.name, "asked": found.place, "repository": Path().absolute()}
        return
    from secpipe.gate.images.named import source_of
    from secpipe.gate.images.unpacked import unpacked

    with source_of(place, offline=offline) as source, unpacked(source) as image:
        yield (
            image.folder,
            {
                "name": image.name,
                "asked": place,
                "not_read": image.not_read,
                "images": image.subjects,
                "platforms": image.platforms,
                "several": image.several,
                "repository": Path().absolute(),  # nobody reaches the folder it is written to
            },
        )
