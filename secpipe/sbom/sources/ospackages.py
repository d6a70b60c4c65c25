"""Packages of an operating system: the databases of dpkg, opkg, apk and RPM, as one image's layers leave them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from secpipe.core.inventory import Component, ComponentKind, declared
from secpipe.formats import rpm
from secpipe.formats.packages import purl

DPKG, RELEASE = "var/lib/dpkg/status", ("etc/os-release", "usr/lib/os-release")
APK = ("usr/lib/apk/db/installed", "lib/apk/db/installed")
#: opkg (OpenWrt, Yocto) writes what dpkg writes.
OPKG = ("usr/lib/opkg/status", "var/lib/opkg/status", "opt/var/lib/opkg/status")
RPM = ("usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages",
       "var/lib/rpm/Packages.db", "usr/lib/sysimage/rpm/Packages.db")  # fmt: skip
#: How the paths of all these end, and of the parts that distroless images keep.
_NAMES = frozenset(path.rpartition("/")[2] for path in (DPKG, *APK, *OPKG, *RPM))
DPKG_PART = re.compile(r"(?:^|/)(var/lib/dpkg/status\.d/[^/]+)$")
_PAIR = re.compile(r'^([A-Z_]+)=["\']?([^"\'\n]*)["\']?$', re.MULTILINE)


def distribution(release: str) -> tuple[str, str]:
    """Return (id, version) from the text of os-release."""
    values = dict(_PAIR.findall(release))
    return values.get("ID", "linux"), values.get("VERSION_ID", "")


def database_of(path: str) -> str:
    """Return the database that a file at `path` is, by its path below the system's root; "" for any other."""
    if path.rpartition("/")[2] not in _NAMES and "/status.d/" not in path:
        return ""
    for name in (DPKG, *APK, *OPKG, *RPM):
        if path == name or path.endswith(f"/{name}"):
            return name
    part = DPKG_PART.search(path)
    return part[1] if part and not path.endswith(".md5sums") else ""


def installed(name: str, data: bytes, system: tuple[str, str], path: str) -> Iterator[Component]:
    """Yield the packages of a database called `name`; raises InputError where it cannot be read."""
    if name in RPM:
        yield from _rpm(data, system, path)
    elif name in APK:
        yield from apk(data.decode("utf-8", "replace"), system, path)
    else:
        yield from dpkg(data.decode("utf-8", "replace"), system, path, "opkg" if name in OPKG else "deb")


def _rpm(data: bytes, system: tuple[str, str], path: str) -> Iterator[Component]:
    for one in rpm.read(data):
        if one.name != "gpg-pubkey":  # a key that the database keeps among the packages
            facts = {"source-package": one.source, "supplier": one.vendor, "declared-license": one.license}
            yield _package("rpm", one.name, one.version, system, one.arch, "", path, facts)


def dpkg(status: str, system: tuple[str, str], path: str, kind: str = "deb") -> Iterator[Component]:
    """Yield the installed packages of a dpkg status file (also the parts that distroless images keep)."""
    for block in re.split(r"\n\s*\n", status):
        values = dict(re.findall(r"^([A-Za-z-]+): (.*)$", block, re.MULTILINE))
        if "Package" in values and "Version" in values and _is_there(values.get("Status", "")):
            release = system[1].partition(".")[0]
            ecosystem = f"Debian:{release}" if system[0] == "debian" and release else ""
            source = values.get("Source", "").partition(" ")[0]
            facts = {"source-package": source, "supplier": values.get("Maintainer", "").partition("<")[0].strip()}
            yield _package(kind, values["Package"], values["Version"], system, values.get("Architecture", ""),
                           ecosystem, path, facts)  # fmt: skip


def _is_there(status: str) -> bool:
    """Tell whether the files of a package are there: one that was removed and left its settings has none."""
    return not status or status.split()[-1] not in {"not-installed", "config-files"}


def apk(database: str, system: tuple[str, str], path: str) -> Iterator[Component]:
    """Yield the installed packages of an apk database."""
    for block in re.split(r"\n\s*\n", database):
        values = dict(re.findall(r"^([A-Za-z]):(.*)$", block, re.MULTILINE))
        if "P" in values and "V" in values:
            series = ".".join(system[1].split(".")[:2])
            ecosystem = f"Alpine:v{series}" if system[0] == "alpine" and series else ""
            facts = {"source-package": values.get("o", ""), "declared-license": values.get("L", "")}
            yield _package("apk", values["P"], values["V"], system, values.get("A", ""), ecosystem, path, facts)


def _package(
    kind: str, name: str, version: str, system: tuple[str, str], architecture: str, ecosystem: str, path: str,
    facts: dict[str, str],
) -> Component:  # fmt: skip
    distro = "-".join(filter(None, system))
    package = purl.make(kind, name, version, system[0], {"arch": architecture, "distro": distro})
    licenses = (facts.pop("declared-license"),) if facts.get("declared-license") else ()
    facts.pop("declared-license", None)
    return Component(
        package, ComponentKind.LIBRARY, name, version, package, ecosystem, path, licenses=licenses, direct=False,
        facts=declared(path, facts),
    )  # fmt: skip
