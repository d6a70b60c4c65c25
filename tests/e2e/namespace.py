"""A mount namespace with a /dev of its own, for tests that could take a device from the whole machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import skips

ROOT = Path(__file__).resolve().parents[2]

#: Nothing outside sees this /dev, and it holds a mark that what runs inside looks for first.
_ENTER = """
set -eu
mount -t tmpfs -o mode=755 none /dev
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/full c 1 7; mknod -m 444 /dev/urandom c 1 9
ln -s /proc/self/fd /dev/fd; ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
mkdir /dev/shm; : > /dev/private-to-this-test
exec "$@"
"""
_UNSHARE = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh"]


def in_private_dev(*argv: str, timeout: float = 500) -> subprocess.CompletedProcess[bytes]:
    """Run `argv` as root under a private /dev; skip the test, with the reason, where that is not possible."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        skips.cannot("mount namespaces: there is no unshare here")
    if os.getuid() != 0:
        skips.cannot("mount namespaces: not root")
    if subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode != 0:
        skips.cannot("mount namespaces: unshare is not permitted here")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([*_UNSHARE, *argv], capture_output=True, timeout=timeout, env=environment)
