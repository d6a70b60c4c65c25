"""Policies for admission controllers fit their custom resources' schemas, our predicate and our server's answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jsonschema import Draft202012Validator, ValidationError

from secpipe.cli.verdict.group import verdict as verdicts_group
from secpipe.gate.verdicts.vsa import EXTENSION, PASSED
from secpipe.serve.doors import DOORS
from secpipe.sign.predicates import by_purpose
from tests import skips

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "examples/admission"
SCHEMAS = {
    ("gatekeeper", "Provider"): "gatekeeper-provider",
    ("gatekeeper", "ConstraintTemplate"): "gatekeeper-constrainttemplate",
    ("policy-controller", "ClusterImagePolicy"): "policy-controller-clusterimagepolicy",
    ("kyverno", "ImageValidatingPolicy"): "kyverno-imagevalidatingpolicy",
    ("argo-cd", "Application"): "argocd-application",
}


def document(file: str, kind: str) -> dict[str, Any]:
    (one,) = [one for one in yaml.safe_load_all((FOLDER / f"{file}.yaml").read_text()) if one["kind"] == kind]
    return dict(one)


@pytest.mark.parametrize("which", SCHEMAS, ids=lambda one: one[1])
def test_a_resource_is_what_its_controller_takes(which: tuple[str, str]) -> None:
    schema = json.loads((ROOT / f"tests/data/schemas/{SCHEMAS[which]}.json").read_text())
    one = document(*which)
    Draft202012Validator(schema).validate(one)
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate({**one, "spec": {**one["spec"], "sepc": 1}})


def test_gatekeeper_asks_a_door_that_there_is_and_counts_only_its_yes() -> None:
    provider, template = document("gatekeeper", "Provider"), document("gatekeeper", "ConstraintTemplate")
    assert re.sub(r"^https://[^/]+", "", provider["spec"]["url"]) in DOORS
    rego = template["spec"]["targets"][0]["rego"]
    assert f'"provider": "{provider["metadata"]["name"]}"' in rego
    assert 'row[1] == "allowed"' in rego  # what gatekeeper() of secpipe.serve.doors says, and nothing else
    constraint = document("gatekeeper", template["spec"]["crd"]["spec"]["names"]["kind"])
    assert constraint["spec"]["enforcementAction"] == "deny"


def test_policy_controller_asks_for_our_predicate_and_a_key_that_can_be_read() -> None:
    (authority,) = document("policy-controller", "ClusterImagePolicy")["spec"]["authorities"]
    assert load_pem_public_key(authority["key"]["data"].encode())
    (attestation,) = authority["attestations"]
    assert attestation["predicateType"] == by_purpose("vsa", "verdict").uri
    for word in (f'verificationResult: "{PASSED}"', f'"{EXTENSION}"', "selfJudged: false", 'environment: "prod"'):
        assert word in attestation["policy"]["data"]


GOOD, BAD = f"r.example/a@sha256:{'c' * 64}", "r.example/a:v1"
SPEC = {"containers": [{"image": GOOD}], "volumes": [{"image": {"reference": GOOD}}, {"emptyDir": {}}]}


def said(images: dict[str, str], **more: Any) -> dict[str, Any]:
    """Return an answer of the server as Gatekeeper hands it to Rego."""
    rows = images.items()
    return {
        "responses": [[image, "allowed"] for image, error in rows if not error],
        "errors": [[image, error] for image, error in rows if error],
        "status_code": 200,
        "system_error": "",
    } | more


@pytest.mark.parametrize(
    ("spec", "answer", "violates"),
    [
        (SPEC, said({GOOD: ""}), False),
        ({**SPEC, "initContainers": [{"image": BAD}]}, said({GOOD: "", BAD: "no"}), True),
        ({**SPEC, "ephemeralContainers": [{"image": BAD}]}, said({GOOD: ""}), True),
        (SPEC, said({}), True),
        (SPEC, said({GOOD: ""}, system_error="no answer"), True),
        (SPEC, said({}, responses=[[GOOD, "refused"]]), True),
        ({**SPEC, "volumes": [{"image": {"reference": BAD}}]}, said({GOOD: ""}), True),
    ],
)
def test_the_rules_for_gatekeeper_count_every_image(
    spec: dict[str, Any], answer: dict[str, Any], violates: bool
) -> None:
    """The rules run in a Rego engine; what the built-in of Gatekeeper would give stands in the input."""
    regopy = skips.module("regopy")
    rego = document("gatekeeper", "ConstraintTemplate")["spec"]["targets"][0]["rego"]
    rego, count = re.subn(r"external_data\(.*\)", "input.answer", rego)
    assert count == 1
    engine = regopy.Interpreter()
    engine.add_module("main", rego)
    engine.set_input_term(json.dumps({"review": {"object": {"spec": spec}}, "answer": answer}))
    found = json.loads(str(engine.query("x := data.secpipeverdict.violation")))["bindings"]["x"]
    assert bool(found) is violates


def kyverno(pod: dict[str, Any], verdicts: dict[str, dict[str, Any]]) -> bool:
    """Return whether every expression holds; stand-ins for Kyverno's functions know what the one key signed."""
    cel = skips.module("cel")
    spec = document("kyverno", "ImageValidatingPolicy")["spec"]
    (attestor,), (attestation,) = spec["attestors"], spec["attestations"]

    def verified(image: str, kind: str, by: list[str]) -> int:
        assert (kind, by) == (attestation["intoto"]["type"], [attestor["name"]])
        return int(image in verdicts)

    def payload(image: str, kind: str) -> dict[str, Any]:
        if image not in verdicts:
            raise ValueError("cannot be fetched before it is verified")
        return {"predicateType": kind, "predicate": verdicts[image]}

    context = cel.Context()
    context.add_function("verifyAttestationSignatures", verified)
    context.add_function("extractPayload", payload)
    context.add_variable("object", {"spec": pod})
    context.add_variable("attestors", {attestor["name"]: attestor["name"]})
    context.add_variable("attestations", {attestation["name"]: attestation["intoto"]["type"]})
    images = {
        kind: [one["image"] for one in pod.get(kind, [])]
        for kind in ("containers", "initContainers", "ephemeralContainers")
    }
    images |= {one["name"]: cel.evaluate(one["expression"], context) for one in spec["images"]}
    context.add_variable("images", images)
    context.add_variable(
        "variables", {one["name"]: cel.evaluate(one["expression"], context) for one in spec["variables"]}
    )
    try:
        return all(cel.evaluate(one["expression"], context) is True for one in spec["validations"])
    except (ValueError, RuntimeError, TypeError, KeyError):
        return False  # an error of an expression denies, by failurePolicy


def summary(result: str = PASSED, **more: Any) -> dict[str, Any]:
    return {"verificationResult": result, EXTENSION: {"environment": "prod", "selfJudged": False, **more}}


@pytest.mark.parametrize(
    ("pod", "verdicts", "holds"),
    [
        (SPEC, {GOOD: summary()}, True),
        ({"containers": [{"image": GOOD}]}, {GOOD: summary()}, True),
        (SPEC, {}, False),
        (SPEC, {GOOD: summary("FAILED")}, False),
        (SPEC, {GOOD: summary(environment="test")}, False),
        (SPEC, {GOOD: summary(selfJudged=True)}, False),
        (SPEC, {GOOD: {"verificationResult": PASSED}}, False),
        ({**SPEC, "initContainers": [{"image": BAD}]}, {GOOD: summary()}, False),
        ({**SPEC, "ephemeralContainers": [{"image": BAD}]}, {GOOD: summary()}, False),
        ({**SPEC, "volumes": [{"image": {"reference": BAD}}]}, {GOOD: summary()}, False),
    ],
)
def test_the_expressions_for_kyverno_count_every_image(
    pod: dict[str, Any], verdicts: dict[str, dict[str, Any]], holds: bool
) -> None:
    assert kyverno(pod, verdicts) is holds


def test_kyverno_fails_closed_on_our_predicate_and_a_key_that_can_be_read() -> None:
    spec = document("kyverno", "ImageValidatingPolicy")["spec"]
    assert (spec["failurePolicy"], spec["validationActions"]) == ("Fail", ["Deny"])
    assert spec["matchImageReferences"] == [{"glob": "*"}]
    assert load_pem_public_key(spec["attestors"][0]["cosign"]["key"]["data"].encode())
    assert spec["attestations"][0]["intoto"]["type"] == by_purpose("vsa", "verdict").uri


def test_argo_cd_stops_at_a_job_that_runs_a_command_that_there_is() -> None:
    job, application = document("argo-cd", "Job"), document("argo-cd", "Application")
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PreSync"
    pod = job["spec"]["template"]["spec"]
    assert (job["spec"]["backoffLimit"], pod["restartPolicy"]) == (0, "Never")  # any exit but 0 fails the sync
    (container,) = pod["containers"]
    group, name, image, *words = container["args"]
    command = verdicts_group.get_command(click.Context(verdicts_group), name)
    assert group == "verdict"
    assert command is not None
    options = {option for param in command.params for option in param.opts}
    named = {word.partition("=")[0] for word in words}
    assert {"--env", "--trust", "--trust-pin", "--policy", "--policy-ref"} <= named <= options
    (deployed,) = application["spec"]["source"]["kustomize"]["images"]
    assert image == "oci://" + deployed.partition("=")[2], "what is asked about is what is deployed"
    mounts = {one["name"]: one for one in container["volumeMounts"]}
    assert {one["name"] for one in pod["volumes"]} == set(mounts)
