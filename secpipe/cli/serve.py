"""`secpipe serve`: answer a cluster out of verified verdicts."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from secpipe.cli.verdict.options import named, rules_options
from secpipe.core.errors import ConfigError


@click.command(short_help="Answer a cluster out of verified verdicts: may this image run?")
@click.option("--store", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="The verdict store.")
@click.option("--env", "environment", default="prod", show_default=True, metavar="NAME", help="What it answers for.")
@rules_options
@click.option("--listen", default="127.0.0.1:8443", show_default=True, metavar="HOST:PORT", help="Where it listens.")
@click.option("--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Certificate chain (PEM).")
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Its private key (PEM).")
@click.option("--max-age", type=click.FloatRange(min=0), metavar="DAYS", help="How old a verdict may be.")
@click.option(
    "--signals", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="FOLDER",
    help="Signed words from production that withdraw verdicts.",
)  # fmt: skip
@click.option(
    "--every", type=click.FloatRange(min=0.1, max=3600), default=5.0, show_default=True, metavar="SECONDS",
    help="How often it looks for changes; SIGHUP asks at once.",
)  # fmt: skip
@click.option(
    "--fresh-for", type=click.FloatRange(min=1), default=300.0, show_default=True, metavar="SECONDS",
    help="How long an answer may rest on the last look.",
)  # fmt: skip
@click.option("--guarded-storage", is_flag=True, help="Storage without a digest is verified by a guard where fetched.")
def serve(
    store: Path,
    environment: str,
    listen: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    max_age: float | None,
    signals: Path | None,
    every: float,
    fresh_for: float,
    guarded_storage: bool,
    **options: Any,
) -> int:
    """Answer AdmissionReviews, Gatekeeper and plain questions from verdicts that are verified before anybody asks.

    Nothing is fetched, hashed or verified for a request. What has no verdict is refused, with the command that makes
    one; so is everything while trust, policy or the store cannot be relied on. Needs the extra `serve`.
    """
    from secpipe.serve.app import Listening, run
    from secpipe.serve.loading import Sources
    from secpipe.serve.state import Serving
    from secpipe.system.clock import SystemClock

    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ConfigError("where does it listen?", hint="--listen 127.0.0.1:8443")
    if (tls_cert is None) != (tls_key is None):
        raise ConfigError("a certificate and its key go together", hint="--tls-cert FILE --tls-key FILE")
    host = host.strip("[]")
    if tls_cert is None and not _is_loopback(host):
        raise ConfigError("beyond this machine it answers by TLS alone", hint="--tls-cert FILE --tls-key FILE")
    age = None if max_age is None else timedelta(days=max_age)
    sources = Sources(store, named(options), environment, signals, age, timedelta(seconds=fresh_for))
    run(Serving.begun(sources, SystemClock()), Listening(host, int(port), tls_cert, tls_key, every, guarded_storage))
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
