"""What a model download means: a use of its hub, and findings that need no policy."""

from __future__ import annotations

from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.scan.shadow_ai.signal import Download, Signal


def download_signal(download: Download, path: str, region: str) -> Signal:
    """Return the sign of a use that a download is."""
    evidence = f"{download.call} fetches {download.source or 'a model named at run time'}"
    return Signal(
        "direct", "download", download.provider, path=path, line=download.line, model=download.source, region=region,
        confidence=Confidence.HIGH if download.source else Confidence.LOW,
            evidence=evidence + ("" if download.pinned else ", revision not pinned"),
    )  # fmt: skip


def download_findings(download: Download, path: str, region: str) -> list[Finding]:
    """Return what is wrong with a download whatever the policy says: remote code, a revision that can be moved."""
    source = download.source or "a model named at run time"
    strict = region in {"code", "config", "example"}
    place = f"{path}:{download.line}"
    found = []
    if download.remote_code:
        found.append(
            _finding(
                "remote-code",
                f"{place} runs code that comes with {source}: {download.call} with trust_remote_code",
                Severity.HIGH if strict else Severity.LOW,
                "take a model that needs no code of its own, or vendor and review that code at a fixed revision",
                download, path, region,
            )
        )  # fmt: skip
    if download.source and not download.pinned:
        found.append(
            _finding(
                "unpinned-download",
                f"{place} downloads {source} without a pinned revision: whoever owns it can change it",
                Severity.MEDIUM if strict else Severity.INFO,
                'pin a full commit id, for instance revision="<40 hex digits>"',
                download, path, region,
            )
        )  # fmt: skip
    return found


def _finding(
    rule: str, message: str, severity: Severity, fix: str, download: Download, path: str, region: str
) -> Finding:
    return Finding(
        rule=f"shadow-ai/{rule}",
        message=message,
        severity=severity,
        path=path,
        line=download.line,
        subject=f"{download.call} {download.source}",
        fix=fix,
        details={"provider": download.provider, "source": download.source, "region": region},
    )
