"""The other side is python-tuf: it must read our metadata and agree on every signature."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tuf.api.metadata import Metadata, Root, Targets

from secpipe.core.trust import Authority
from secpipe.keys.metadata import EXTRA
from secpipe.keystore import age
from secpipe.keystore.create import Plan, create

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("root_pair", "pair"),
    [
        (("ed25519", "ml-dsa-65"), ("ecdsa-p256", "ml-dsa-65")),
        (("ecdsa-p384", "ml-dsa-87"), ("ecdsa-p384", "ml-dsa-87")),
    ],
)
def test_python_tuf_accepts_root_and_ring(tmp_path, monkeypatch, root_pair, pair):
    monkeypatch.setattr(age, "seal", lambda text, passphrase, *, work=0: b"not needed here")
    days = timedelta(days=90)
    plan = Plan("alice", {"builder": Authority(("model",))}, root_pair, pair, days, days, 3652, 400)
    create(tmp_path / "keys", tmp_path / "home", plan, b"x", NOW, lambda text: None)
    root = Metadata[Root].from_file(str(tmp_path / "keys/root/1.root.json"))
    ring = Metadata[Targets].from_file(str(tmp_path / "keys/ring/1.targets.json"))
    root.signed.verify_delegate("root", root.signed_bytes, root.signatures)
    root.signed.verify_delegate("targets", ring.signed_bytes, ring.signatures)
    assert root.signed.version == ring.signed.version == 1
    assert EXTRA in root.signed.unrecognized_fields
    (document,) = (tmp_path / "keys/targets").glob("*.builder.json")
    ring.signed.targets["builder.json"].verify_length_and_hashes(document.read_bytes())
    assert ring.signed.get_delegated_role("rotation").threshold == 2
