"""liboqs through liboqs-python: probed first, imported late, silenced, and never allowed to install itself.

`import oqs` without the shared library sleeps, clones a repository, builds it and ends the process; with it, it prints.
So the library file is found and loaded here first, and `oqs` is imported only when it will find exactly that file.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import io
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from secpipe.core.errors import MissingDependency, SecpipeError
from secpipe.keys.schemes.backend import Backend

_PLACES = ("~/_oqs", "/usr/local", "/usr", "/opt/homebrew", "/home/linuxbrew/.linuxbrew")
_SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
_SLH_DSA_SINCE = (0, 15)  # before that, liboqs had SPHINCS+, which is not FIPS 205
#: algorithm -> (mechanism, raw public, raw private, longest signature): what a library must say of itself
_MECHANISMS: dict[str, tuple[str, int, int, int]] = {
    "ml-dsa-44": ("ML-DSA-44", 1312, 2560, 2420),
    "ml-dsa-65": ("ML-DSA-65", 1952, 4032, 3309),
    "ml-dsa-87": ("ML-DSA-87", 2592, 4896, 4627),
    "falcon-512": ("Falcon-512", 897, 1281, 752),
    "falcon-1024": ("Falcon-1024", 1793, 2305, 1462),
}


def mechanism(algorithm: str) -> str:
    """Return what liboqs calls an algorithm."""
    if algorithm in _MECHANISMS:
        return _MECHANISMS[algorithm][0]
    return "SLH_DSA_PURE_" + algorithm.removeprefix("slh-dsa-").replace("-", "_").upper()


@cache
def _find() -> tuple[str, str]:
    """Return the path of the library and its version, or "" and why there is none. Loads it, starts nothing."""
    if os.name == "nt":
        return "", "not supported on Windows"
    given = os.environ.get("OQS_INSTALL_PATH")
    reason = "no shared library found (OQS_INSTALL_PATH names where it is installed)"
    for place in (given,) if given else _PLACES:
        for folder in ("lib", "lib64"):
            path = Path(place).expanduser() / folder / f"liboqs{_SUFFIX}"
            if not path.is_absolute() or not path.is_file():
                continue
            try:
                loaded = ctypes.CDLL(str(path))
                loaded.OQS_version.restype = ctypes.c_char_p
                return str(path), loaded.OQS_version().decode("ascii", "replace")
            except (OSError, AttributeError):
                reason = f"{path} cannot be loaded"
    return "", reason


@cache
def _module() -> Any:
    """Import `oqs` with its output swallowed, pointed at the library that was found; raises MissingDependency."""
    path, version = _find()
    if not path:
        raise MissingDependency(f"liboqs: {version}")
    before, finder = os.environ.get("OQS_INSTALL_PATH"), ctypes.util.find_library
    os.environ["OQS_INSTALL_PATH"] = str(Path(path).parent.parent)
    # Its own search would ask gcc and ldconfig, and might load another file than the one we report.
    ctypes.util.find_library = lambda name: None
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            import oqs
    except (Exception, SystemExit) as error:  # a library that lacks a symbol is an AttributeError there
        raise MissingDependency(f"liboqs-python cannot be used: {error}", hint="pip install secpipe[pq]") from None
    finally:
        ctypes.util.find_library = finder
        if before is None:
            del os.environ["OQS_INSTALL_PATH"]
        else:
            os.environ["OQS_INSTALL_PATH"] = before
    return oqs


class _LibOqs:
    def probe(self) -> Backend:
        path, version = _find()
        if not path:
            return Backend("liboqs", "", "", version)
        try:
            _module()
        except MissingDependency as error:
            return Backend("liboqs", version, path, error.message)
        return Backend("liboqs", version, path)

    def supports(self, algorithm: str) -> str:
        found = self.probe()
        if not found.usable:
            return found.reason
        if algorithm.startswith("slh-dsa-") and _numbers(found.version) < _SLH_DSA_SINCE:
            return f"version {found.version} is older than 0.15, before FIPS 205"
        try:
            enabled = _module().is_sig_enabled(mechanism(algorithm))
        except Exception as error:
            return f"version {found.version} cannot be asked ({type(error).__name__})"
        if not enabled:
            return f"version {found.version} is built without {mechanism(algorithm)}"
        return ""

    def generate(self, algorithm: str) -> tuple[bytes, bytes]:
        with self._signature(algorithm) as worker:
            public = bytes(worker.generate_keypair())
            return public, bytes(worker.export_secret_key())

    def sign(self, algorithm: str, private: bytes, message: bytes) -> bytes:
        with self._signature(algorithm) as probe:
            self._length("private key", private, probe.length_secret_key)
        with self._signature(algorithm, private) as worker:
            try:
                return bytes(worker.sign(message))
            except RuntimeError:
                raise SecpipeError(f"liboqs cannot sign with {algorithm}") from None

    def verify(self, algorithm: str, public: bytes, signature: bytes, message: bytes) -> bool:
        with self._signature(algorithm) as worker:
            if len(public) != worker.length_public_key or not 0 < len(signature) <= worker.length_signature:
                return False
            return bool(worker.verify(message, signature, public))

    def _signature(self, algorithm: str, *private: bytes) -> Any:
        try:
            worker = _module().Signature(mechanism(algorithm), *private)
        except AttributeError:
            raise MissingDependency(f"liboqs {self.probe().version} lacks what {algorithm} needs") from None
        if algorithm in _MECHANISMS:
            _, *expected = _MECHANISMS[algorithm]
            if [worker.length_public_key, worker.length_secret_key, worker.length_signature] != expected:
                raise SecpipeError(f"this liboqs has other lengths for {algorithm} than its specification")
        return worker

    @staticmethod
    def _length(what: str, data: bytes, size: int) -> None:
        if len(data) != size:
            raise SecpipeError(f"a {what} of {len(data)} bytes instead of {size} is not given to liboqs")


def _numbers(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


LIBOQS = _LibOqs()
