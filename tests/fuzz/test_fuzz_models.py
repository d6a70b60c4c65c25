"""Minutes of rubbish for the model scan; run by `make slow`."""

from __future__ import annotations

import io
import os
import random

import pytest

from secpipe.core.limits import Limits
from secpipe.scan.models.allow import shipped_list
from secpipe.scan.models.context import Context, Sink
from secpipe.scan.models.routes import LOOK, look_into

MARKS = [
    b"\x80\x02",
    b"\x80\x04",
    b"PK\x03\x04",
    b"\x93NUMPY\x01\0",
    b"GGUF\x03\0\0\0",
    b"\x1f\x8b\x08\0",
    b"\x08\x01\x12",
    b"\x04\x22\x4d\x18",
    b"(",
    b"]",
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("SECPIPE_FUZZ_SEEDS", "20"))))
def test_rubbish_gets_an_answer(seed: int) -> None:
    pick = random.Random(seed)
    limits = Limits(pickle_stack=100_000, pickle_memo=100_000, archive_bytes=1 << 24)
    for _ in range(3000):
        body = pick.randbytes(pick.randrange(200))
        if pick.random() < 0.5:
            body = bytes(pick.choice(b"(N.tR)bco\n}]\x85\x93\x81\x94K\x01suea02q") for _ in range(pick.randrange(120)))
        data = pick.choice(MARKS) + body
        look_into(Context(Sink("x", limits, LOOK), shipped_list(), name="x.bin"), io.BytesIO(data), len(data))
