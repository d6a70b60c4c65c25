"""A holder signs what he was shown: every field of a draft has a line or is refused; without a network too."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.cli.main import run
from secpipe.core.errors import SecpipeError, TrustError
from secpipe.core.trust import TimeAuthority
from secpipe.keys.changes import ring_facts
from secpipe.keys.metadata import write_envelope
from secpipe.keys.root import root_fields
from secpipe.keys.wire import pretty
from secpipe.keystore import quorum
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.fresh import fresh, tuf_keys
from secpipe.keystore.pending import pending_changes, sign_pending, write_pending
from secpipe.keystore.trusted import open_folder, open_trust, target_path

DAY = timedelta(days=1)


class Draft:
    """A waiting root and ring as JSON, with the identity of `builder`: to be changed in one place and shown."""

    def __init__(self, project, now):
        self.folder, self.found = project.keys, open_folder(project.keys, now=now)
        change = quorum.renewed(self.found, root=True)
        stamps = (TimeAuthority("acme", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),)
        change = replace(change, note="yearly", time_authorities=stamps)
        quorum.draft(self.found, change, now + DAY)
        pending = self.folder / "pending"
        ring, root = (json.loads(path.read_bytes())["signed"] for path in sorted(pending.glob("*.json"), reverse=True))
        digest = ring["targets"]["builder.json"]["hashes"]["sha256"]
        builder = json.loads(target_path(self.folder, "builder.json", digest).read_bytes())
        self.documents = {"root": root, "ring": ring, "builder": builder}
        self.honest = self.lines(self.documents)

    def lines(self, documents):
        """What a holder reads, without the digest (which would differ for anything) and the signers."""
        ring = copy.deepcopy(documents["ring"])
        if documents["builder"] != self.documents["builder"]:
            data = pretty(documents["builder"])
            ring["targets"]["builder.json"] = {
                "length": len(data),
                "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            }
            target_path(self.folder, "builder.json", hashlib.sha256(data).hexdigest()).write_bytes(data)
        for name, kind in (("2.targets.json", ring), ("2.root.json", documents["root"])):
            (self.folder / "pending" / name).write_bytes(write_envelope(kind, {}))
        return [line for line in pending_changes(self.found) if not line.startswith(("draft ", "signed "))]

    def hidden(self, documents):
        """Return whether the change is neither told nor refused."""
        if documents == self.documents:
            return False
        try:
            lines = self.lines(documents)
        except SecpipeError:
            return False
        return lines == self.honest


def test_a_second_time_authority_does_not_hide_behind_its_name(drafted):
    evil = {"name": "acme", "pem": "-----BEGIN CERTIFICATE-----\nEVIL\n-----END CERTIFICATE-----\n"}
    stamps = drafted.documents["root"]["x-secpipe"]["time_authorities"]
    path = ("root", "x-secpipe", "time_authorities")
    for listed in ([evil, *stamps], [*stamps, evil]):
        assert not drafted.hidden(changed(drafted.documents, path, listed))


@pytest.fixture
def drafted(project, now):
    return Draft(project, now)


def walk(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from walk(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))


def places(documents):
    return [path for path in walk(documents) if len(path) > 1]


def others(value):
    """Return some values that could stand instead: of the same kind, so that a reader might take them."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value + 2, value - 1, 58_150]
    if isinstance(value, str):
        found = [value + "x", value[:-1], value.upper(), "*", ""]
        try:
            moved = datetime.fromisoformat(value.replace("Z", "+00:00"))
            found += [f"{moved + days * DAY:%Y-%m-%dT%H:%M:%SZ}" for days in (1, -1, 36_500)]
        except (ValueError, OverflowError):
            pass
        return found
    if isinstance(value, list):
        return [[], value[1:], value[:-1], value[::-1], [*value, *value], [*value, "x"]]
    return [{}, {**value, "x-unknown": 1}, *({k: v for k, v in value.items() if k != key} for key in value)]


def changed(documents, path, value):
    made = copy.deepcopy(documents)
    inner = made
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return made


def at(documents, path):
    for part in path:
        documents = documents[part]
    return documents


def test_every_field_of_root_ring_and_identity_is_told_or_refused(drafted):
    hidden = [
        (path, value)
        for path in places(drafted.documents)
        for value in others(at(drafted.documents, path))
        if drafted.hidden(changed(drafted.documents, path, value))
    ]
    assert not hidden


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_anywhere_is_told_or_refused(drafted, data):
    path = data.draw(st.sampled_from(places(drafted.documents)))
    leaf = st.none() | st.booleans() | st.integers(-1, 10**9) | st.text(max_size=20)
    value = data.draw(
        st.recursive(
            leaf,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=4,
        )
    )
    assert not drafted.hidden(changed(drafted.documents, path, value))


def ring_to_eve(found, now):
    eve = tuf_keys(fresh(("ed25519", "ml-dsa-65")).halves, "eve")
    root = root_fields(2, now, now + 3652 * DAY, found.root.quorum, ())
    root["keys"] |= {key.keyid: key.to_dict() for key in eve}
    root["roles"]["targets"] = {"keyids": [key.keyid for key in eve], "threshold": 2}
    return root


def test_a_ring_given_to_others_is_told_and_never_signed(project, passphrase, now):
    found = quorum.begin(project.keys, project.home, now)
    quorum.draft(found, quorum.renewed(found), now)
    ring = json.loads((project.keys / "pending/2.targets.json").read_text())["signed"]
    write_pending(project.keys, ring, ring_to_eve(found, now))
    text = "\n".join(pending_changes(found))
    assert 'adds holder of the RING ALONE "eve"' in text
    assert "REFUSED" in text
    with pytest.raises(TrustError, match="gives the ring to others"):
        sign_pending(project.keys, project.home, passphrase, now)
    assert open_trust(project.keys, now=now).root_version == 1


def test_a_root_for_a_hundred_years_moves_authority(project, now):
    from secpipe.keystore.pending import shown

    found = quorum.begin(project.keys, project.home, now)
    quorum.draft(found, quorum.renewed(found), now)
    assert not shown(found).changes.moves
    ring = json.loads((project.keys / "pending/2.targets.json").read_text())["signed"]
    for edit in (
        {"expires": "2126-01-01T00:00:00Z"},
        {"x-secpipe": ring["x-secpipe"] | {"fresh_until": "2035-01-01T00:00:00Z"}},
    ):
        write_pending(project.keys, ring | edit, None)
        assert shown(found).changes.moves


@pytest.fixture
def shell(project, tmp_path, monkeypatch, capfdbinary):
    """Run a command in a home; the clock is the machine's, so the folder is made afresh and not the template."""
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("correct horse")
    secret.chmod(0o600)

    def call(*argv, home="home2"):
        monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / home))
        file_custody.forget()
        argv = [*argv, *(["--passphrase-file", "secret"] if argv[1] not in {"list", "request", "verify"} else [])]
        code = run(list(argv))
        out, err = capfdbinary.readouterr()
        call.text = (out + err).decode()
        return code

    assert call("keys", "init", "--trust", "t", "--holder", "alice") == 0
    return call


def digest_in(text):
    (line,) = [line for line in text.splitlines() if line.startswith("draft ")]
    return line.removeprefix("draft ")


def test_what_moves_authority_is_typed_or_expected(shell, tmp_path, monkeypatch):
    from secpipe.cli.keys import quorum as commands

    assert shell("keys", "add-holder", "bob", "--people", "1", "--trust", "t", home="bob") == 0
    assert shell("keys", "sign-root", "--trust", "t") == 2  # nobody is at a terminal
    assert "--expect DIGEST" in shell.text
    assert "signed already by bob (no holder yet)" in shell.text
    digest = digest_in(shell.text)
    asked = []
    monkeypatch.setattr(commands, "confirmed", lambda word="": asked.append(word))
    assert shell("keys", "sign-root", "--trust", "t") == 2
    assert asked == [digest[:8]]
    assert shell("keys", "sign-root", "--trust", "t", "--expect", "0" * 64) == 1
    assert shell("keys", "sign-root", "--trust", "t", "--expect", f"sha256:{digest}") == 0
    assert "published" in shell.text


def test_an_air_gapped_holder_signs_from_file_to_file(shell, tmp_path):
    """alice's keys are on a machine that has nothing but her home and the request."""
    shutil.move(tmp_path / "home2", tmp_path / "vault")
    assert shell("keys", "add-holder", "bob", "--people", "1", "--trust", "t", home="bob") == 0
    assert shell("keys", "request", "--trust", "t", "-o", "ask") == 0
    digest = shell.text.partition("draft ")[2].partition(":")[0]
    shutil.move(tmp_path / "t", tmp_path / "far")
    assert shell("keys", "answer", "ask", "-o", "reply", "--expect", "0" * 64, home="vault") == 1
    assert not (tmp_path / "reply").exists()
    assert shell("keys", "answer", "ask", "-o", "reply", "--expect", digest, "--trust-pin", "0" * 64, home="vault") == 1
    assert shell("keys", "answer", "ask", "-o", "reply", "--expect", digest, home="bob2") == 3  # no holder's key
    assert shell("keys", "answer", "ask", "-o", "reply", "--expect", digest, home="vault") == 0
    assert 'adds holder "bob"' in shell.text
    shutil.move(tmp_path / "far", tmp_path / "t")
    assert shell("keys", "sign-root", "--trust", "t", "--answer", "reply", home="nobody") == 0
    assert "published, signed by alice, bob" in shell.text
    assert shell("keys", "sign-root", "--trust", "t", "--answer", "reply", home="nobody") == 2  # nothing waits


@pytest.mark.parametrize(
    "path", ["../x.json", "root/../../x.json", "/etc/x.json", "ring/.hidden.json", "root/1.root.json/x"]
)
def test_a_request_writes_nothing_elsewhere(shell, tmp_path, path):
    evil = {"schema": "secpipe.signing-request/1", "draft": "", "files": {path: "e30="}}
    (tmp_path / "ask").write_text(json.dumps(evil))
    assert shell("keys", "answer", "ask", "--yes") == 3
    assert "no part of a trust folder" in shell.text


def test_taking_an_answer_signs_nothing_here(shell, tmp_path):
    """Who only carries the file back has not read the draft, though his own key lies on this machine."""
    assert shell("keys", "add-holder", "bob", "--people", "1", "--trust", "t", home="bob") == 0
    assert shell("keys", "request", "--trust", "t", "-o", "ask") == 0
    assert shell("keys", "answer", "ask", "--yes", "-o", "reply", home="bob") == 2  # authority moves
    digest = digest_in(shell.text)
    assert shell("keys", "answer", "ask", "--expect", digest, "-o", "reply", home="bob") == 0
    assert shell("keys", "sign-root", "--trust", "t", "--answer", "reply") == 0
    assert "signed by bob; 1 more" in shell.text


def test_a_holder_who_adds_a_holder_signs_no_draft_of_others(shell):
    """eve's draft waits in the folder; alice's own command must not build on it and sign it unseen."""
    assert shell("keys", "add-holder", "eve", "--people", "1", "--trust", "t", home="eve") == 0
    assert shell("keys", "add-holder", "alice-spare", "--people", "1", "--trust", "t") == 2
    assert "another change waits" in shell.text
    assert shell("keys", "add-holder", "cy", "--people", "1", "--trust", "t", home="cy") == 0  # no holder yet: may join


@pytest.mark.parametrize("field", ["purposes", "namespaces", "environments"])
@pytest.mark.parametrize(
    ("was", "will"),
    [
        (["acme/*, *"], ["acme/*", "*"]),
        (["a", "b, c"], ["a, b", "c"]),
        (["\u200b*"], ["\\u200b*"]),
        (["none"], []),
        (['x" (sha256 0000000000000000)'], ['"x"']),
    ],
)
def test_two_values_are_never_told_alike(project, now, field, was, will):
    """First a glob that means nothing is let in; then the same words mean more, as if nothing had changed."""
    found = open_folder(project.keys, now=now)

    def told(values):
        builder = found.ring.identity("builder")
        scope = replace(builder.authority, **{field: tuple(values)})
        return ring_facts(replace(found.ring, identities=(replace(builder, authority=scope),)))

    assert told(was) != told(will)


def test_a_value_does_not_forge_the_rest_of_its_line(project, now):
    found = open_folder(project.keys, now=now)
    builder = found.ring.identity("builder")
    for glob in ('model, held by "alice"', "model (now model)", "model\u202e"):
        scope = replace(builder.authority, purposes=(glob,), namespaces=(glob,))
        facts = ring_facts(replace(found.ring, identities=(replace(builder, authority=scope),)))
        for label in ('identity "builder"', '"builder" purposes', '"builder" namespaces'):
            assert "sha256" in facts[label]
            assert facts[label].isprintable()


def test_a_grandfathered_name_is_told_by_its_characters(project, now):
    found = open_folder(project.keys, now=now)
    names = ("tiny version 1", "tiny\u200b version 1", "tiny\\u200b version 1")
    told = {str(ring_facts(replace(found.ring, grandfathered=(("0" * 64, name),)))) for name in names}
    assert len(told) == len(names)
