"""Answers of the Python API: never a pass by mistake, nothing hostile in a notebook, the same in another process."""

from __future__ import annotations

import os
import pickle
from html.parser import HTMLParser
from pathlib import Path

import pytest

from secpipe import api
from secpipe.api.findings import seen_from
from secpipe.cli.main import run

EVIL = "x'\"><script>alert(1)</script>.pkl"
CALL = b"cos\nsystem\n(S'id'\ntR."  # a pickle that runs `id`; it is never loaded


class Seen(HTMLParser):
    """The tags that a browser sees, and the page in the frame."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.frame = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "iframe":
            found = dict(attrs)
            assert found["sandbox"] == ""
            self.frame = found["srcdoc"] or ""
        assert not [name for name, _ in attrs if name.startswith("on")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "app.py").write_text("print('hello')\n")
    return folder


@pytest.mark.parametrize("name", [EVIL, "a-->b.pkl", "</iframe><img src=x onerror=alert(1)>.pkl".replace("/", "")])
def test_a_hostile_name_stays_text_in_a_notebook(project: Path, name: str) -> None:
    place = project / name.replace("/", "")
    place.write_bytes(CALL)
    for answer in (api.check(project, env="dev"), api.scan_models(project)):
        outer, inner = Seen(), Seen()
        outer.feed(answer._repr_html_())
        assert outer.tags == ["p", "b", "iframe"]
        inner.feed(outer.frame)
        assert "script" not in inner.tags
        assert "img" not in inner.tags
        assert "h1" in inner.tags


def test_a_hostile_component_stays_text_in_a_notebook(project: Path) -> None:
    (project / "package-lock.json").write_text(
        '{"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": '
        '{"version": "1.0.0<script>alert(1)</script>", "resolved": "", "integrity": ""}}}'
    )
    page = Seen()
    page.feed(api.make_sbom(project)._repr_html_())
    assert set(page.tags) <= {"p", "b", "table", "tr", "th", "td"}


def test_a_denial_is_raised(project: Path) -> None:
    (project / "model.pkl").write_bytes(CALL)
    for answer in (api.check(project, env="dev"), api.scan_models(project)):
        assert (answer.exit_code, answer.passed) == (1, False)
        with pytest.raises(api.Denied) as raised:
            answer.raise_for_deny()
        assert raised.value.exit_code == 1
        assert raised.value.message == answer.sentence


def test_what_was_not_decided_is_raised_too(project: Path) -> None:
    (project / "model.pkl").write_bytes(CALL)
    (project / "model.pkl").chmod(0)
    (project / "model.pkl").unlink()
    os.mkfifo(project / "model.pkl")  # nobody can read it
    answer = api.scan_models(project)
    assert answer.exit_code == 3
    with pytest.raises(api.Undecided):
        answer.raise_for_deny()


def test_an_answer_has_no_truth_value(project: Path) -> None:
    (project / "model.pkl").write_bytes(CALL)
    verdict = api.check(project, env="dev")
    with pytest.raises(TypeError, match="raise_for_deny"):
        bool(verdict)


def test_an_answer_is_the_same_after_a_pickle_and_gives_no_way_to_change_it(project: Path) -> None:
    for answer in (api.check(project, env="dev"), api.scan_models(project), api.make_sbom(project)):
        again = pickle.loads(pickle.dumps(answer))
        assert again == answer
        answer.to_dict().clear()
        assert answer.to_dict() == again.to_dict()
        assert hash(answer) == hash(again)


def test_an_error_is_the_same_after_a_pickle() -> None:
    error = pickle.loads(pickle.dumps(api.Denied("no", hint="mend it")))
    assert (error.message, error.hint, error.exit_code) == ("no", "mend it", 1)


def test_a_secret_does_not_reach_the_caller(project: Path) -> None:
    token = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    (project / f"{token}.pkl").write_bytes(CALL)
    answer = api.scan_models(project)
    for shown in (answer.document, answer.render("sarif"), answer.render(), answer._repr_html_(), answer.sentence):
        assert token not in shown


def test_the_command_ends_as_the_function_does(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "requirements.txt").write_text("requests==2.32.4\n")
    assert run(["scan", "models", str(project)]) == api.scan_models(project).exit_code
    assert run(["scan", "shadow-ai", str(project)]) == api.scan_shadow_ai(project).exit_code
    assert run(["check", str(project), "--env", "dev"]) == api.check(project, env="dev").exit_code
    assert run(["audit", str(project)]) == api.audit(project).exit_code
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"policy_ref": "sha256:" + "0" * 64}, "none was given"),
        ({"waivers_ref": "sha256:" + "0" * 64}, "none was given"),
        ({"mode": "off"}, "warn or enforce"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(project: Path, arguments: dict[str, str], words: str) -> None:
    with pytest.raises(api.ConfigError, match=words):
        api.check(project, **arguments)  # type: ignore[arg-type]


def test_names_are_joined_by_what_a_path_is_not_by_how_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("data", "a/b"):
        Path(folder).mkdir(parents=True)
    for file in ("data/a", "data/data", "a/b/b", "m.pkl"):
        Path(file).write_bytes(CALL)
    assert seen_from("data", "a") == "data/a"
    assert seen_from("data", "data") == "data/data"
    assert seen_from("a/b", "b") == "a/b/b"
    assert seen_from("a/b/", "") == "a/b/"
    assert seen_from("a/b/b", "b") == "a/b/b"
    assert seen_from("m.pkl", "m.pkl") == "m.pkl"
    assert seen_from("oci://r/x@sha256:0", "oci://r/x@sha256:0") == "oci://r/x@sha256:0"
    Path("data/a").rename("data/a.pkl")
    Path("data/data").rename("data/data.pkl")
    found = api.scan_models("data", "m.pkl")
    assert set(found.to_dict()["evidence"]["facts"]["files"]) == {"data/a.pkl", "data/data.pkl", "m.pkl"}


def test_several_paths_are_as_bad_as_the_worst(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/m.pkl").write_bytes(CALL)
    assert api.scan_models(tmp_path / "good", tmp_path / "bad").exit_code == 1
