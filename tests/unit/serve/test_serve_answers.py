"""What the server answers, without a server: what is asked about, what is a yes, and time passing over a shelf."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from secpipe.core.errors import InputError, TrustError
from secpipe.gate.after.signals import Signal, Signals
from secpipe.gate.deploying import Named, Pinned
from secpipe.gate.policies import policy_file
from secpipe.gate.verdicts.signed import Held
from secpipe.serve import loading, shelf
from secpipe.serve.doors import DOORS, admission, gatekeeper, verdict
from secpipe.serve.loading import Sources
from secpipe.serve.metrics import Metrics
from secpipe.serve.shelf import Shelf
from secpipe.serve.state import Serving
from secpipe.serve.subjects import digest, image, of_object
from secpipe.system.clock import FixedClock
from tests.e2e.serving import review
from tests.unit.gate_builders import NOW
from tests.unit.verdict_world import DIGEST, POLICY, Gate

ROOT = Path(__file__).resolve().parents[3]
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
HEX = "c" * 64
OPENAPI = json.loads((ROOT / "policies/schema/serve.openapi.json").read_text())


class Served(Gate):
    """A store in memory's reach, its shelf as a server would hold it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder)
        self.now = NOW
        self.doubt = ""
        self.policy = policy_file.parse(POLICY, "policy.toml").resolve("prod")
        self.wanted = ""
        monkeypatch.setattr(
            loading, "pinned", lambda *_: Pinned(None, self.trust, self.policy, self.doubt, self.wanted)
        )  # type: ignore[arg-type]
        self.sources = Sources(self.store, Named(), fresh_for=timedelta(days=400))
        self.store.mkdir()
        self.shelf: Shelf | None = None

    def pinned(self, *_: object) -> Pinned:
        return Pinned(None, self.trust, self.policy, self.doubt, self.wanted)  # type: ignore[arg-type]

    def load(self) -> Shelf:
        self.shelf = loading.load(self.sources, self.now, self.shelf)
        return self.shelf

    def ask(self, key: str = f"dirHash:{DIGEST}", **_: Any) -> dict[str, Any]:  # type: ignore[override]
        assert self.shelf is not None
        said = verdict(self.shelf, json.dumps({"digest": key}).encode(), self.now)
        (answer,) = said.document["answers"]
        assert said.allowed is answer["allowed"]
        return dict(answer)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    return Served(tmp_path, monkeypatch)


def test_a_yes_ends_at_the_second(served: Served) -> None:
    served.sign(served.outcome())
    served.load()
    assert served.ask()["result"] == "passed"
    served.now = NOW + 24 * HOUR - SECOND
    assert served.ask()["allowed"]
    served.now = NOW + 24 * HOUR
    assert served.ask()["result"] == "undecided"
    served.now = NOW - HOUR
    assert "clock" in served.ask()["sentence"]


@pytest.mark.parametrize("field", ["root_expires", "ring_expires"])
def test_trust_ends_at_the_second(served: Served, field: str) -> None:
    served.trust = replace(served.trust, **{field: NOW + HOUR})
    served.sign(served.outcome())
    served.load()
    assert served.ask()["allowed"]
    served.now = NOW + HOUR
    assert not served.ask()["allowed"]


def test_a_key_ends_at_the_second_without_another_look(served: Served) -> None:
    served.retrust(name="verdict", verify_until=NOW + HOUR)
    served.sign(served.outcome())
    served.load()
    assert served.ask()["allowed"]
    served.now = NOW + HOUR
    assert not served.ask()["allowed"]


def test_a_revoked_key_counts_before_anything_is_verified_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.sign(served.outcome())
    before = served.load()
    served.retrust(name="verdict", compromised_since=NOW - HOUR)
    monkeypatch.setattr(loading.signed, "attempt", lambda *_: pytest.fail("nothing may be verified here"))
    served.shelf = loading.start(served.sources, NOW, before)
    assert not served.ask()["allowed"]


def test_what_did_not_change_is_not_verified_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = served.sign(served.outcome())
    served.load()
    count: list[Path] = []
    real = loading.signed.attempt
    monkeypatch.setattr(loading.signed, "attempt", lambda place, *rest: (count.append(place), real(place, *rest))[1])
    served.load()
    served.retrust(name="builder", suspended_since=NOW)  # another identity changes
    served.load()
    assert count == []
    (folder / "vsa.att.json").write_bytes(b"{}")
    served.load()
    assert count == [folder]
    assert not served.ask()["allowed"]


def test_trust_that_is_behind_or_another_is_refused(served: Served) -> None:
    served.trust = replace(served.trust, ring_version=3)
    served.sign(served.outcome())
    served.load()
    for changes in ({"ring_version": 2}, {"ring_digest": "9" * 64}, {"root_digest": "9" * 64}):
        good, served.trust = served.trust, replace(served.trust, **changes)  # type: ignore[arg-type]
        with pytest.raises(TrustError, match="behind"):
            served.load()
        served.trust = good
    served.load()


def test_two_verdicts_of_different_policies(served: Served) -> None:
    """The newest by the wanted policy's verifier counts; one of another policy is no yes for this server."""
    served.sign(served.outcome())
    served.wanted = served.held(
        served.sign(served.outcome(at=NOW + SECOND, policy=POLICY + b"[models]\nrequired = false\n"))
    ).summary.policy
    served.now = NOW + HOUR
    served.load()
    assert served.ask()["allowed"]
    served.sign(served.outcome(at=NOW + 2 * SECOND))
    served.load()
    assert "another policy" in served.ask()["sentence"]


def test_a_no_an_undecided_and_an_override(served: Served) -> None:
    folder = served.sign(served.denied())
    served.load()
    assert served.ask()["result"] == "blocked"
    served.let(folder, "alice-key")
    served.load()
    assert served.ask()["result"] == "blocked"
    served.let(folder, "bob-key")
    served.load()
    assert served.ask()["result"] == "overridden"
    served.now = NOW + 5 * HOUR
    assert served.ask()["result"] == "blocked", "the override ended"


def test_a_yes_goes_back_to_the_newest_that_may_run(served: Served) -> None:
    for number, letter in enumerate("abd"):
        served.sign(served.outcome(digest=letter * 64, at=NOW + number * SECOND))
    served.sign(served.denied(digest="b" * 64, at=NOW + 10 * SECOND))
    served.sign(served.denied(digest="e" * 64, at=NOW + 11 * SECOND))
    served.now = NOW + HOUR
    served.load()
    assert served.ask(f"dirHash:{'e' * 64}")["rollback_to"] == {"dirHash": "d" * 64}
    assert served.ask(f"dirHash:{'a' * 64}")["rollback_to"] is None


def test_a_signed_signal_withdraws_a_verdict(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.sign(served.outcome())
    bad = Signal("s", "canary", "watch", frozenset({DIGEST}), NOW, NOW, NOW, "FAILED", {})
    monkeypatch.setattr(loading, "gather_signals", lambda *_: Signals((bad,)))
    served.load()
    assert served.ask()["allowed"]
    served.sources = replace(served.sources, signals=served.store)
    served.load()
    answer = served.ask()
    assert answer["result"] == "blocked"
    assert "canary" in answer["sentence"]


def test_unpinned_rules_and_an_ended_policy_allow_nothing(served: Served) -> None:
    served.sign(served.outcome())
    served.doubt = "the policy came without a pin"
    served.load()
    assert not served.ask()["allowed"]
    served.doubt = ""
    served.load()
    assert served.ask()["allowed"]
    served.policy = replace(served.policy, expires=NOW.date() - timedelta(days=1))
    served.load()
    assert not served.ask()["allowed"]


@pytest.mark.parametrize(
    "text",
    [
        f"sha512:{'c' * 128}",
        f"sha256:{HEX.upper()}",
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX}\n",
        HEX,
        "",
        f"SHA256:{HEX}",
        f"sha1:{'c' * 40}",
        f"sha256:{HEX[:-1]}\u0441",
        None,
        5,
        ["x"],
        f" sha256:{HEX}",
    ],
)
def test_no_other_digest_names_a_verdict(text: object) -> None:
    assert digest(text).key is None


@pytest.mark.parametrize(
    "text",
    [
        "nginx",
        "nginx:1.27",
        f"nginx@sha512:{'c' * 128}",
        f"nginx@sha256:{HEX.upper()}",
        f"ngin\u0445@sha256:{HEX}",
        f"nginx@sha256:{HEX[:-1]}",
        f"nginx@sha256:{HEX}@sha256:{HEX}",
        f"nginx\u2060@sha256:{HEX}",
        f"a b@sha256:{HEX}",
        f"nginx@sha256:{HEX}\n",
        f"nginx\n@sha256:{HEX}",
        f"@sha256:{HEX}",
        "",
        None,
        7,
        f"x/../y@sha256:{HEX}",
        f"nginx@sha256\uff1a{HEX}",
        f"http://x/y@sha256:{HEX}",
        "x" * 2000,
    ],
)
def test_no_image_by_a_tag_another_digest_or_a_look_alike(text: object) -> None:
    assert image(text).key is None
    assert image(text).why


@pytest.mark.parametrize("name", ["nginx", "nginx:1.27", "r.example:5000/a/b-c_d.e", "localhost/a:v1.0_x-y"])
def test_an_image_by_its_digest(name: str) -> None:
    assert image(f"{name}@sha256:{HEX}").key == ("sha256", HEX)


def pod(*images: str) -> dict[str, Any]:
    return {"containers": [{"name": "c", "image": one} for one in images]}


OBJECTS = {
    ("", "Pod"): lambda spec: {"spec": spec},
    ("apps", "Deployment"): lambda spec: {"spec": {"template": {"spec": spec}}},
    ("apps", "StatefulSet"): lambda spec: {"spec": {"template": {"spec": spec}}},
    ("batch", "Job"): lambda spec: {"spec": {"template": {"spec": spec}}},
    ("batch", "CronJob"): lambda spec: {"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}},
}


@pytest.mark.parametrize("kind", OBJECTS, ids=lambda kind: kind[1])
def test_every_image_of_an_object_is_found(kind: tuple[str, str]) -> None:
    letters = iter("abcdef0123")
    spec: dict[str, Any] = {
        field: [{"name": "x", "image": f"n@sha256:{next(letters) * 64}"}]
        for field in ("containers", "initContainers", "ephemeralContainers")
    }
    spec["volumes"] = [
        {"name": "v", "image": {"reference": f"n@sha256:{next(letters) * 64}"}},
        {"name": "e", "emptyDir": {}},
    ]
    found = of_object(*kind, OBJECTS[kind](spec), guarded=False)
    assert {one.key[1][0] for one in found if one.key} == set("abcd")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"spec": {}},
        {"spec": {"containers": []}},
        {"spec": {"containers": "x"}},
        {"spec": {"containers": ["x"]}},
        None,
        [],
        {"spec": {"containers": [{"image": "a"}], "initContainers": {"a": 1}}},
        {"spec": {"containers": None, "volumes": []}},
        {"spec": {"containers": [{"image": "a"}], "volumes": [{"image": "x"}]}},
    ],
)
def test_an_object_that_is_not_understood_is_no_yes(value: object) -> None:
    with pytest.raises(InputError):
        of_object("", "Pod", value, guarded=True)


@pytest.mark.parametrize("kind", [("", "ConfigMap"), ("x.example", "Pod"), ("apps", "Pod"), ("", "deployment")])
def test_a_kind_that_is_not_known_is_no_yes(kind: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="not known here"):
        of_object(*kind, {"spec": pod(f"n@sha256:{HEX}")}, guarded=True)


SERVICE = ("serving.kserve.io", "InferenceService")


def test_storage_of_an_inference_service_counts_by_its_digest() -> None:
    named = {
        "spec": {
            "predictor": {"model": {"modelFormat": {"name": "x"}, "storageUri": f"oci://r.example/m@sha256:{HEX}"}}
        }
    }
    (one,) = of_object(*SERVICE, named, guarded=False)
    assert one.key == ("sha256", HEX)
    for other in (
        {"storageUri": "s3://bucket/model"}, {"storageUri": "oci://r.example/m:v1"}, {"storageUri": None},
        {"storage": {"key": "s3", "path": "m"}}, {"storageUris": [{"uri": "hf://a/b"}]},
    ):  # fmt: skip
        for place in ("predictor", "transformer", "explainer"):
            (one,) = of_object(*SERVICE, {"spec": {place: {"model": other}}}, guarded=False)
            assert one.key is None
            assert not one.guarded
    (one,) = of_object(*SERVICE, {"spec": {"predictor": {"sklearn": {"storageUri": "s3://b/m"}}}}, guarded=True)
    assert one.guarded
    (one,) = of_object(
        *SERVICE, {"spec": {"predictor": {"model": {"storageUri": "oci://r.example/m:v1"}}}}, guarded=True
    )
    assert not one.guarded
    custom = {"spec": {"predictor": {"containers": [{"name": "kserve-container", "image": "x:1"}], "volumes": [
        {"name": "m", "image": {"reference": "y:1"}}
    ]}, "transformer": {"initContainers": [{"image": "z:1"}]}}}  # fmt: skip
    assert {one.text for one in of_object(*SERVICE, custom, guarded=True)} == {"x:1", "y:1", "z:1"}


def test_an_admission_review_is_answered_with_its_uid(served: Served) -> None:
    served.sign(served.outcome())
    table = served.load()
    said = admission(table, json.dumps(review({"spec": pod("nginx:1")})).encode(), NOW)
    response = said.document["response"]
    assert (response["uid"], response["allowed"]) == ("705ab4f5-6393-11e8-b7cc-42010a800002", False)
    assert "secpipe check oci://docker.io/library/nginx:1 --env prod" in response["status"]["message"]
    gone = admission(table, json.dumps(review(None, operation="DELETE")).encode(), NOW)
    assert gone.document["response"]["allowed"]
    guarded = review(
        {"spec": {"predictor": {"model": {"storageUri": "s3://b/m"}}}}, "InferenceService", "serving.kserve.io"
    )
    assert not admission(table, json.dumps(guarded).encode(), NOW).document["response"]["allowed"]
    warned = admission(table, json.dumps(guarded).encode(), NOW, True).document["response"]
    assert warned["allowed"]
    assert "verified by the guard" in warned["warnings"][0]


def test_gatekeeper_gets_an_error_for_what_may_not_run(served: Served) -> None:
    served.sign(served.outcome())
    body = {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest",
            "request": {"keys": [f"dirHash:{DIGEST}", "nginx:1", f"nginx@sha256:{HEX}"]}}  # fmt: skip
    said = gatekeeper(served.load(), json.dumps(body).encode(), NOW)
    first, *others = said.document["response"]["items"]
    assert (first["value"], first["error"]) == ("allowed", "")
    assert all(item["value"] is None and item["error"] for item in others)
    assert [item["key"] for item in said.document["response"]["items"]] == body["request"]["keys"]  # type: ignore[index]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["Pod", "image", f"n@sha256:{HEX}"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "spec",
                    "containers",
                    "image",
                    "volumes",
                    "digest",
                    "digests",
                    "request",
                    "uid",
                    "kind",
                    "keys",
                    "object",
                    "operation",
                    "apiVersion",
                    "group",
                    "reference",
                    "storageUri",
                    "environment",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def _validator(path: str, status: int) -> Draft202012Validator:
    answer = OPENAPI["paths"][path]["post"]["responses"][str(status)]["content"]["application/json"]["schema"]
    return Draft202012Validator({**answer, "components": OPENAPI["components"]})


VALID = {(path, status): _validator(path, status) for path in DOORS for status in (200, 400)}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    with pytest.MonkeyPatch.context() as patch:
        return Served(tmp_path_factory.mktemp("served"), patch).load()


@settings(max_examples=300, deadline=None)
@given(value=JSON, request=JSON, path=st.sampled_from(sorted(DOORS)))
def test_no_body_raises_and_every_answer_is_as_described(empty: Shelf, value: Any, request: Any, path: str) -> None:
    framed = [
        value, {"digest": value}, {"digests": value}, {"kind": "ProviderRequest", "request": request},
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request},
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
         "request": {"uid": "u", "kind": {"group": "", "kind": "Pod"}, "object": value}},
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
         "request": {"uid": "u", "kind": {"group": SERVICE[0], "kind": SERVICE[1]}, "object": {"spec": value}}},
    ]  # fmt: skip
    for one in framed:
        said = DOORS[path][1](empty, json.dumps(one).encode("utf-8", "surrogatepass"), NOW, False)
        VALID[path, said.status].validate(json.loads(json.dumps(said.document)))
        if said.allowed:
            assert one["request"].get("operation") == "DELETE" or one["request"] == {"keys": []}


def test_memory_stays_flat_over_many_answers(served: Served) -> None:
    served.sign(served.outcome())
    table, body, metrics = served.load(), json.dumps({"digest": f"dirHash:{DIGEST}"}).encode(), Metrics()
    for _ in range(100):
        verdict(table, body, NOW)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(1_000):
        metrics.answers["verdict", "allowed" if verdict(table, body, NOW).allowed else "refused"] += 1
    assert tracemalloc.get_traced_memory()[0] - before < 100_000
    tracemalloc.stop()
    assert 'result="allowed"} 1000' in metrics.text(table, NOW)


def test_the_shelf_keeps_little_of_a_verdict(served: Served) -> None:
    served.sign(served.outcome())
    (kept,) = served.load().kept.values()
    assert isinstance(kept.found, Held)
    assert kept.found.summary.inputs == ()
    assert shelf.ask(served.load(), ("dirHash", DIGEST), NOW).allowed


def test_a_look_that_takes_long_leaves_no_time_without_an_answer(served: Served) -> None:
    """A store of many verdicts is looked at less often, never so seldom that answers end meanwhile."""
    served.sign(served.outcome())
    served.sources = replace(served.sources, fresh_for=timedelta(seconds=300))
    serving = Serving.begun(served.sources, FixedClock(NOW))
    serving.metrics.load_seconds = 0.01
    assert serving.pause(5.0) == 5.0
    serving.metrics.load_seconds = 60.0
    assert 60.0 <= serving.pause(5.0) <= 100.0
    serving.shelf = replace(serving.shelf, loaded=NOW - timedelta(seconds=400))
    assert serving.pause(5.0) <= 1.0, "what is stale is looked at again at once"


def test_a_revocation_does_not_wait_for_a_look_that_goes_on(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for letter in "abd":
        served.sign(served.outcome(digest=letter * 64))
    serving = Serving.begun(served.sources, FixedClock(NOW))
    served.shelf = serving.shelf
    for place in served.store.rglob("vsa.att.json"):
        place.touch()  # all of it is to be verified again
    real, seen = loading.signed.attempt, []

    def attempt(*words: Any) -> Any:
        seen.append(words)
        served.retrust(name="verdict", compromised_since=NOW - HOUR)
        serving.asked.set()  # SIGHUP comes while the first is verified
        return real(*words)

    monkeypatch.setattr(loading.signed, "attempt", attempt)
    serving.reload()
    assert serving.shelf.doubt == ""
    assert len(seen) == 1, "it stops and begins with trust again"
    assert len(serving.shelf.kept) == 3, "nothing is lost meanwhile"
    monkeypatch.setattr(loading.signed, "attempt", real)
    serving.reload()
    served.shelf = serving.shelf
    assert serving.shelf.doubt == ""
    assert not any(served.ask(f"dirHash:{letter * 64}")["allowed"] for letter in "abd")
