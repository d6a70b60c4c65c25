"""The operator's files fit the server: options that it has, kinds that it knows, pages that it answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from secpipe.cli.serve import serve
from secpipe.serve.app import _PAGES
from secpipe.serve.doors import DOORS
from secpipe.serve.subjects import _PODS, _SERVICE

FOLDER = Path(__file__).resolve().parents[3] / "examples/deploy"
OPTIONS = {name for item in serve.params for name in item.opts}
NEEDED = {"--store", "--trust", "--trust-pin", "--policy", "--policy-ref", "--listen", "--tls-cert", "--tls-key"}


def documents(name: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all((FOLDER / "kubernetes" / name).read_text()) if one]


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    (deployment,) = [one for one in documents("serve.yaml") if one["kind"] == "Deployment"]
    assert deployment["spec"]["selector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]
    return dict(deployment["spec"]["template"]["spec"])


def test_the_container_is_started_with_options_that_there_are(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    command, *words = container["args"]
    named = {word.partition("=")[0] for word in words}
    assert command == "serve"
    assert NEEDED <= named <= OPTIONS
    assert "@sha256:" in container["image"]
    port = next(word for word in words if word.startswith("--listen")).rpartition(":")[2]
    assert [one["containerPort"] for one in container["ports"]] == [int(port)]
    mounts = {one["name"]: one for one in container["volumeMounts"]}
    assert {one["name"] for one in pod["volumes"]} == set(mounts)
    assert all(one.get("readOnly") for name, one in mounts.items() if name != "tmp")
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not pod["automountServiceAccountToken"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in _PAGES


def test_every_name_is_known_to_the_others() -> None:
    by_kind = {one["kind"]: one for one in documents("serve.yaml")}
    (webhook,) = documents("webhook.yaml")
    service = webhook["webhooks"][0]["clientConfig"]["service"]
    assert (service["name"], service["namespace"]) == (
        by_kind["Service"]["metadata"]["name"], by_kind["Service"]["metadata"]["namespace"]
    )  # fmt: skip
    assert service["path"] in DOORS
    labels = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert by_kind["Service"]["spec"]["selector"] == labels
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        spec = by_kind[kind]["spec"]
        assert (spec.get("selector") or spec["podSelector"])["matchLabels"] == labels
    assert by_kind["NetworkPolicy"]["spec"]["egress"] == []


def test_the_webhook_fails_closed_and_sends_only_what_is_known() -> None:
    (document,) = documents("webhook.yaml")
    (hook,) = document["webhooks"]
    assert (hook["failurePolicy"], hook["sideEffects"], hook["admissionReviewVersions"]) == ("Fail", "None", ["v1"])
    assert 1 <= hook["timeoutSeconds"] <= 10
    sent = {
        (group, one.partition("/")[0])
        for rule in hook["rules"]
        for group in rule["apiGroups"]
        for one in rule["resources"]
    }
    assert sent == {(group, f"{kind.lower()}s") for group, kind in (*_PODS, _SERVICE)}
    (own,) = [one for one in hook["namespaceSelector"]["matchExpressions"] if one["operator"] == "NotIn"]
    assert "secpipe" in own["values"]


def test_the_unit_of_systemd_starts_it_with_options_that_there_are() -> None:
    unit = (FOLDER / "secpipe-serve.service").read_text()
    start = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert start is not None
    named = set(re.findall(r"(?<=\s)--[a-z-]+", start[1]))
    assert NEEDED <= named <= OPTIONS
    assert re.search(r"^ExecReload=.*-HUP", unit, re.MULTILINE)
