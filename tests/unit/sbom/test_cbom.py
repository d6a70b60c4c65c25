"""Keys and algorithms of a trust root as cryptographic assets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from secpipe.core.inventory import Inventory
from secpipe.core.trust import Authority, HalfClass, Identity, KeyVersion, PublicHalf, Trust
from secpipe.sbom.bom import load
from secpipe.sbom.cbom import with_keys
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.query import select
from secpipe.sbom.validate import validate

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def trust() -> Trust:
    halves = (PublicHalf("ecdsa-p256", HalfClass.CLASSICAL, "one\n"), PublicHalf("ml-dsa-65", HalfClass.PQ, "two\n"))
    version = KeyVersion(1, halves, NOW - timedelta(days=1), NOW + timedelta(days=90))
    identity = Identity("builder", Authority(("model",)), (version,), "ada")
    return Trust(1, "a" * 64, NOW, 1, "b" * 64, NOW, (identity,))


@pytest.mark.parametrize("spec", ["1.6", "1.7"])
def test_every_half_points_to_its_algorithm(spec: str) -> None:
    data = emit(with_keys(Inventory(), trust(), NOW), name="x", now=NOW, spec=spec)
    assert validate(data) == ()
    document = load(data, "ours")
    half = trust().identities[0].versions[0].halves[1]
    key = select(
        document, f"components[bom-ref=crypto:key/{half.keyid}].cryptoProperties.relatedCryptoMaterialProperties"
    )[0]
    assert (key["state"], key["algorithmRef"]) == ("active", "crypto:algorithm/ml-dsa-65")
    algorithm = select(document, "components[name=ml-dsa-65].cryptoProperties")[0]
    assert algorithm["oid"] == "2.16.840.1.101.3.4.3.18"
    assert algorithm["algorithmProperties"]["nistQuantumSecurityLevel"] == 3
    edges = {row["ref"]: row.get("dependsOn", []) for row in document["dependencies"]}
    assert edges[f"crypto:key/{half.keyid}"] == ["crypto:algorithm/ml-dsa-65"]


def test_the_state_is_judged_at_the_time_given() -> None:
    late = with_keys(Inventory(), trust(), NOW + timedelta(days=400))
    assert {item.facts["state"].value for item in late.components if "state" in item.facts} == {"deactivated"}
