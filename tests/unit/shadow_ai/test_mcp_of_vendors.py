"""A vendor's MCP server on the host of its assistant is an MCP server; everything else there is the assistant."""

from __future__ import annotations

import pytest

from secpipe.scan.shadow_ai.catalogue import shipped_catalogue
from secpipe.scan.shadow_ai.hosts import resolve

HOST = "https://api.githubcopilot.com"


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        (f"{HOST}/mcp/", "mcp"),
        (f"{HOST}/mcp", "mcp"),
        (f"{HOST}/MCP/x/repos/readonly", "mcp"),
        (HOST, "github-copilot"),
        (f"{HOST}/chat/completions", "github-copilot"),
        (f"{HOST}/mcpx", "github-copilot"),
        (f"{HOST}/mcp/../chat/completions", "github-copilot"),
        (f"{HOST}/mcp/%2e%2e/chat/completions", "github-copilot"),
        (f"{HOST}/chat/completions?next=/mcp/", "github-copilot"),
    ],
)
def test_the_path_tells_which_it_is(url: str, provider: str) -> None:
    found = resolve(url, shipped_catalogue())
    assert found is not None
    assert found.provider == provider
