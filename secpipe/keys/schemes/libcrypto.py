"""OpenSSL >= 3.5 (libcrypto) for SLH-DSA, called in this process: no key reaches a command line or a temporary file.

`SECPIPE_LIBCRYPTO` (an absolute path) chooses the library, otherwise the system's `libcrypto.so.3` is asked.
Only functions documented in OpenSSL's EVP manual pages are used.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_ulong, c_void_p, create_string_buffer
from functools import cache
from typing import Any

from secpipe.core.errors import MissingDependency, SecpipeError
from secpipe.keys.schemes.backend import Backend

_NAMES = ("libcrypto.3.dylib",) if sys.platform == "darwin" else ("libcrypto.so.4", "libcrypto.so.3")
_SINCE = 0x30500000
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "EVP_PKEY_new_raw_public_key_ex": (c_void_p, (c_void_p, c_char_p, c_char_p, c_char_p, c_size_t)),
    "EVP_PKEY_new_raw_private_key_ex": (c_void_p, (c_void_p, c_char_p, c_char_p, c_char_p, c_size_t)),
    "EVP_PKEY_get_raw_public_key": (c_int, (c_void_p, c_void_p, POINTER(c_size_t))),
    "EVP_PKEY_get_raw_private_key": (c_int, (c_void_p, c_void_p, POINTER(c_size_t))),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_keygen_init": (c_int, (c_void_p,)),
    "EVP_PKEY_generate": (c_int, (c_void_p, POINTER(c_void_p))),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_DigestSignInit_ex": (c_int, (c_void_p, c_void_p, c_char_p, c_void_p, c_char_p, c_void_p, c_void_p)),
    "EVP_DigestSign": (c_int, (c_void_p, c_void_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_DigestVerifyInit_ex": (c_int, (c_void_p, c_void_p, c_char_p, c_void_p, c_char_p, c_void_p, c_void_p)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "ERR_clear_error": (None, ()),
}


@cache
def _open() -> tuple[Any, str, str]:
    """Return the library, its path and its version; or None, "" and the reason why there is none."""
    given = os.environ.get("SECPIPE_LIBCRYPTO")
    if given and not os.path.isabs(given):
        return None, "", "SECPIPE_LIBCRYPTO is not an absolute path"
    reason = "no libcrypto found"
    for name in (given,) if given else _NAMES:
        try:
            library = ctypes.CDLL(name)
            library.OpenSSL_version_num.restype = c_ulong
            number = int(library.OpenSSL_version_num())
            version = f"{number >> 28}.{(number >> 20) & 0xFF}.{(number >> 4) & 0xFFFF}"
            if number < _SINCE:
                reason = f"{name} is OpenSSL {version}, older than 3.5"
                continue
            for function, (result, arguments) in _SIGNATURES.items():
                prototype = getattr(library, function)
                prototype.restype, prototype.argtypes = result, arguments
            return library, _path_of(library) or name, version
        except (OSError, AttributeError):
            reason = f"{name} cannot be loaded"
    return None, "", reason


def _path_of(library: Any) -> str:
    """Return the file that a function of `library` was loaded from (dladdr), or ""."""

    class Info(ctypes.Structure):
        _fields_ = (("fname", c_char_p), ("fbase", c_void_p), ("sname", c_char_p), ("saddr", c_void_p))

    try:
        dladdr = ctypes.CDLL(None).dladdr
    except (OSError, AttributeError, TypeError):
        return ""
    dladdr.argtypes, dladdr.restype = (c_void_p, POINTER(Info)), c_int
    info = Info()
    address = ctypes.cast(library.OpenSSL_version_num, c_void_p)
    return os.fsdecode(info.fname) if dladdr(address, byref(info)) and info.fname else ""


class _LibCrypto:
    def probe(self) -> Backend:
        library, path, version = _open()
        return Backend("openssl", version, path) if library else Backend("openssl", "", "", version)

    def supports(self, algorithm: str) -> str:
        library, _, version = _open()
        if library is None:
            return version
        return "" if algorithm.startswith(("slh-dsa-", "ml-dsa-")) else f"OpenSSL {version} has no {algorithm}"

    def generate(self, algorithm: str) -> tuple[bytes, bytes]:
        library = self._library()
        context = library.EVP_PKEY_CTX_new_from_name(None, algorithm.encode("ascii"), None)
        key = c_void_p()
        try:
            if not context or library.EVP_PKEY_keygen_init(context) != 1:
                raise SecpipeError(f"OpenSSL cannot make {algorithm} keys")
            if library.EVP_PKEY_generate(context, byref(key)) != 1:
                raise SecpipeError(f"OpenSSL cannot make {algorithm} keys")
            public = _raw(library.EVP_PKEY_get_raw_public_key, key)
            return public, _raw(library.EVP_PKEY_get_raw_private_key, key)
        finally:
            library.EVP_PKEY_free(key)
            library.EVP_PKEY_CTX_free(context)
            library.ERR_clear_error()

    def sign(self, algorithm: str, private: bytes, message: bytes) -> bytes:
        library = self._library()
        with self._key(library.EVP_PKEY_new_raw_private_key_ex, algorithm, private) as (key, context):
            size = c_size_t(0)
            ready = key and library.EVP_DigestSignInit_ex(context, None, None, None, None, key, None) == 1
            if not ready or library.EVP_DigestSign(context, None, byref(size), message, len(message)) != 1:
                raise SecpipeError(f"OpenSSL cannot sign with this {algorithm} key")
            buffer = create_string_buffer(size.value)
            if library.EVP_DigestSign(context, buffer, byref(size), message, len(message)) != 1:
                raise SecpipeError(f"OpenSSL cannot sign with this {algorithm} key")
            return buffer.raw[: size.value]

    def verify(self, algorithm: str, public: bytes, signature: bytes, message: bytes) -> bool:
        library = self._library()
        with self._key(library.EVP_PKEY_new_raw_public_key_ex, algorithm, public) as (key, context):
            if not key or library.EVP_DigestVerifyInit_ex(context, None, None, None, None, key, None) != 1:
                return False
            return bool(library.EVP_DigestVerify(context, signature, len(signature), message, len(message)) == 1)

    def _library(self) -> Any:
        library, _, reason = _open()
        if library is None:
            raise MissingDependency(f"openssl: {reason}")
        return library

    @contextmanager
    def _key(self, make: Callable[..., Any], algorithm: str, raw: bytes) -> Iterator[tuple[Any, Any]]:
        library = self._library()
        key = make(None, algorithm.encode("ascii"), None, raw, len(raw))
        context = library.EVP_MD_CTX_new()
        try:
            yield key, context
        finally:
            library.EVP_MD_CTX_free(context)
            library.EVP_PKEY_free(key)
            library.ERR_clear_error()


def _raw(read: Callable[..., int], key: c_void_p) -> bytes:
    size = c_size_t(0)
    if read(key, None, byref(size)) != 1:
        raise SecpipeError("OpenSSL does not give the key's bytes")
    buffer = create_string_buffer(size.value)
    if read(key, buffer, byref(size)) != 1:
        raise SecpipeError("OpenSSL does not give the key's bytes")
    return buffer.raw[: size.value]


LIBCRYPTO = _LibCrypto()
