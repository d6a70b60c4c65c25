"""What is told of a key that leaked: it comes first, is revoked at its provider, and makes no file hostile."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.api.checking import judged, request_of

SECRET = "sk-ant-" + "api03-" + "Q7wErTy9zXcVbNmKjHgFdSaPoIuYtReWq3LkMn"
FILES = {
    "main.py": f'import requests\nKEY = "{SECRET}"\nrequests.post("https://api.anthropic.com/v1/messages", data=KEY)\n',
    "index.html": f'<script>\nconst key = "{SECRET}"\nfetch("https://api.anthropic.com/v1/messages", key)\n</script>\n',
}


@pytest.mark.parametrize("name", FILES)
def test_the_key_is_first_and_the_service_beside_it_is_approved_or_taken_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / name).write_text(FILES[name])
    request = request_of(tmp_path / "app", at=None, cache=False, parts=False, policy="", environment="prod")
    reasons = judged(request).document["reasons"]
    told = {one["rule"]: str(one["do"]) for one in reasons}
    assert reasons[0]["rule"] == "shadow-ai/leaked-key"
    assert "https://platform.claude.com/settings/keys" in told["shadow-ai/leaked-key"]
    assert "safetensors" not in str(told)
    assert "secpipe init" in told["shadow-ai/unapproved-host"]
    assert SECRET[14:] not in str(reasons)
