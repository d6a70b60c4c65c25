"""The machine as `secpipe doctor` sees it: this installation, its algorithms, the optional engines."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from secpipe.cli.doctor.item import Item
from secpipe.core.errors import SecpipeError
from secpipe.core.text import plural, printable

#: extra -> (distribution, what it adds); the programs of `_PROGRAMS` are asked themselves.
_LIBRARIES = {
    "sigstore": ("sigstore", "keyless signatures"),
    "pkcs11": ("python-pkcs11", "keys in hardware modules"),
    "kms": ("boto3", "keys in AWS KMS"),
    "cel": ("cel-expr-python", "conditions in a policy"),
}
#: program -> (extra, what it adds). Those of an extra are not started: semgrep writes into the user's home even for
#: `--version`, and takes seconds.
_PROGRAMS = {
    "semgrep": ("semgrep", "more source patterns"),
    "pip-audit": ("audit", "a second opinion on packages"),
    "git": ("", "the pre-deploy hook"),
}


def installation() -> Iterator[Item]:
    """Versions, and whether the data files came along."""
    from secpipe.api.rendering import known_rules
    from secpipe.core.version import __version__
    from secpipe.system.places import shipped

    version = ".".join(map(str, sys.version_info[:3]))
    yield Item("installation", "secpipe", "ok", f"{__version__} in {printable(str(Path(__file__).parents[1]))}")
    state = "ok" if sys.version_info >= (3, 11) else "broken"
    yield Item(
        "installation", "python", state, f"{version} on {sys.platform}", "python 3.11 or newer" * (state != "ok")
    )
    yield Item("installation", "policies", "ok", f"{printable(str(shipped()))}, {plural(len(known_rules()), 'rule')}")


def algorithms() -> Iterator[Item]:
    """Each algorithm of the core, tried out: a signature is made, verified, and refused once the message changes."""
    from secpipe.keys.schemes.raw import RAW
    from secpipe.keys.schemes.scheme import SCHEMES

    for name in (name for name in SCHEMES if name not in RAW):
        try:
            problem = _try(name)
        except SecpipeError as error:
            yield Item("algorithms", name, "broken", error.message, error.hint)
            continue
        yield Item("algorithms", name, "broken" if problem else "ok", problem or "signs, verifies, refuses a change")
    yield from _backends(list(RAW))


def _try(name: str) -> str:
    from secpipe.core.errors import TrustError
    from secpipe.keys.schemes.scheme import get

    algorithm, message = get(name), b"secpipe doctor"
    private = algorithm.generate()
    pem, signature = private.public_pem(), private.sign(message)
    algorithm.verify(pem, signature, message)
    try:
        algorithm.verify(pem, signature, message + b"!")
    except TrustError:
        return ""
    return "accepts a signature over other bytes: do not use this installation"


def _backends(optional: list[str]) -> Iterator[Item]:
    """The native libraries that the other algorithms need; their probes start and install nothing."""
    from secpipe.keystore.backends import asked

    extras = {"liboqs": "liboqs-python"}
    for one in asked():
        found, name, extra = one.backend, one.backend.name, extras.get(one.backend.name, "")
        can = sum(not one.algorithms[algorithm] for algorithm in optional)
        if found.usable:
            said = f"{found.version} in {printable(found.path)}: {plural(can, 'further algorithm')}"
            yield Item("algorithms", name, "ok", said)
        else:
            wanted = bool(extra and _version(extra))  # whoever installed the extra wants it to work
            hint = "pip install 'secpipe[pq]', and liboqs; OQS_INSTALL_PATH names its folder" if extra else ""
            said = f"{printable(found.reason)}; it adds SLH-DSA{' and Falcon' * bool(extra)}"
            yield Item("algorithms", name, "attention" if wanted else "absent", said, hint)


def engines() -> Iterator[Item]:
    """Optional programs and libraries: what is usable, and what is missing without them."""
    from secpipe.system.process import find_program

    for name, (extra, adds) in _PROGRAMS.items():
        program = find_program(name, outside=os.getcwd())
        install = f"pip install 'secpipe[{extra}]'" if extra else f"install {name}"
        if program is None:
            yield Item("engines", name, "absent", f"not found; it adds {adds}", install)
        elif extra:
            version = (
                _version(name) if Path(program).parent == Path(sys.executable).parent else "of its own environment"
            )
            yield Item("engines", name, "ok", f"{version} in {printable(str(Path(program).parent))}")
        else:
            yield _ask(name, program)
    for extra, (distribution, adds) in _LIBRARIES.items():
        if version := _version(distribution):
            yield Item("engines", extra, "ok", f"{distribution} {version}")
        else:
            yield Item("engines", extra, "absent", f"not installed; it adds {adds}", f"pip install 'secpipe[{extra}]'")


def _ask(name: str, program: str) -> Item:
    from secpipe.system.process import run

    try:
        result = run([program, "--version"], timeout=30)
    except SecpipeError as error:
        return Item("engines", name, "attention", error.message, f"install {name} again")
    if result.code != 0:
        said = f"{printable(program)} ends with {result.code}"
        return Item("engines", name, "attention", said, f"install {name} again")
    said = printable(result.stdout.decode("utf-8", "replace").strip().partition("\n")[0], 60)
    return Item("engines", name, "ok", f"{said.removeprefix(name).strip()} in {printable(str(Path(program).parent))}")


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
