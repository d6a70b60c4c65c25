"""What an artifact's own address says it is: a lock entry that claims another name or version is not believed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

from secpipe.core.text import opening
from secpipe.formats.locks.lock import Lock
from secpipe.formats.packages import ecosystems, names

Told = tuple[str, str]  # name, version
#: `/@scope/name/-/name-1.0.0.tgz`: how the public registries of npm name what they serve.
_NPM = re.compile(r"/((?:@[^/]{1,214}/)?([^/@]{1,214}))/-/(?:@[^/]{1,214}/)?([^/]{1,400})\.tgz")


def npm(address: str) -> Told | None:
    """Return what an artifact of npm's public registries is; None for any other address."""
    if ecosystems.host_of(address) not in ecosystems.named("npm").hosts:
        return None
    match = _NPM.fullmatch(unquote(urlsplit(address).path))
    if match is None or not match[3].startswith(f"{match[2]}-"):
        return None
    return match[1], match[3][len(match[2]) + 1 :]


def pypi(address: str) -> Told | None:
    """Return what a wheel or source archive is by its file name; None where that tells nothing."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    file = unquote(address.partition("#")[0].partition("?")[0].rpartition("/")[2])
    try:
        name, version = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return str(name), str(version)


def conda(address: str) -> Told | None:
    """Return what a package of a conda channel is; None where its name tells nothing."""
    name, version, _ = conda_parts(address)
    return (name, version) if name else None


def conda_parts(url: str) -> tuple[str, str, str]:
    """Return (name, version, build) of `.../name-version-build.conda`, or three empty texts."""
    file = url.partition("#")[0].partition("?")[0].rpartition("/")[2]
    stem = next((file.removesuffix(end) for end in (".conda", ".tar.bz2") if file.endswith(end)), "")
    parts = stem.rsplit("-", 2)
    return (parts[0].lower(), parts[1], parts[2]) if len(parts) == 3 and all(parts) else ("", "", "")


def same_npm(claimed: Told, told: Told) -> bool:
    """Whether an entry and its artifact name one package; the registry leaves out what stands behind `+`."""
    return (claimed[0], claimed[1].partition("+")[0]) == (told[0], told[1].partition("+")[0])


def same_pypi(claimed: Told, told: Told) -> bool:
    """Whether an entry and its artifact name one package, however each is spelled; a local version may be left out."""
    order = ecosystems.named("PyPI").order
    wanted, found = (order(text.partition("+")[0]) for text in (claimed[1], told[1]))
    if wanted is None or found is None:
        return True
    local = told[1].partition("+")[2]
    agree = wanted == found and (not local or local == claimed[1].partition("+")[2].lower() or "+" not in claimed[1])
    return agree and names.pep503(claimed[0]) == names.pep503(told[0])


def same_conda(claimed: Told, told: Told) -> bool:
    """Whether an entry and its artifact name one package of a channel."""
    return (claimed[0].lower(), claimed[1]) == told


def believed(
    found: Lock, claimed: Told, addresses: Iterable[str], read: Callable[[str], Told | None],
    same: Callable[[Told, Told], bool], line: int = 0,
) -> Told:  # fmt: skip
    """Return (name, version) of an entry: its own words, or those of an artifact that says otherwise, which is told."""
    for address in addresses:
        told = read(address)
        if told is not None and claimed[1] and not same(claimed, told):
            where = f"line {line}: " if line else ""
            wrong, right = (opening("@".join(one)) for one in (claimed, told))
            found.skip(f"{where}an entry calls itself {wrong} and takes the artifact of {right}")
            return told
    return claimed
