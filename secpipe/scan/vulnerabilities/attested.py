"""What a PEP 740 provenance file or attestation claims, read before any program judges it."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.text import printable

PROVENANCES = (".provenance", ".provenance.json")
ATTESTATIONS = (".publish.attestation", ".slsa.attestation")
_HOSTS = {"GitHub": "https://github.com/", "GitLab": "https://gitlab.com/"}
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}(?:/[A-Za-z0-9_.-]{1,100}){1,8}")
_IDENTITY = re.compile(r"(https://(?:github|gitlab)\.com/[\w./-]{1,300}?)/(?:/?\.git(?:hub|lab))[\w./@+-]{1,300}", re.A)


class Invalid(Exception):
    """The attestation proves nothing, or something else; the text says why. Not a SecpipeError: it is a finding."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says to have published: a repository URL, and for a bare attestation the identity in its certificate."""

    publisher: str
    identity: str = ""

    def by(self, repository: str) -> bool:
        """Whether this is `repository`; hosts treat names without regard to case."""
        return self.publisher.casefold() == repository.rstrip("/").removesuffix(".git").casefold()


def read(name: str, contents: Sequence[bytes]) -> Claim:
    """Return the claim of one provenance file, or of the attestations of one archive.

    Raises Invalid for what is no attestation at all, SecpipeError for a publisher that cannot be judged here.
    """
    try:
        documents = [parse_json(content, "it") for content in contents]
        if name.endswith(PROVENANCES):
            return _publisher(documents[0])
        identities = {_identity(document) for document in documents}
    except InputError as error:
        raise Invalid(error.message) from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Invalid("it has not the shape of PEP 740") from None
    if len(identities) != 1:
        raise Invalid("its attestations are signed by different identities")
    identity = identities.pop()
    found = _IDENTITY.fullmatch(identity)
    if found is None:
        raise SecpipeError(f"signed by {printable(identity, 200)}, which is no repository that can be judged here")
    return Claim(found[1], identity)


def _publisher(document: Any) -> Claim:
    bundles = document["attestation_bundles"]
    # The program calls a provenance without a single attestation verified, since nothing in it fails.
    if not isinstance(bundles, list) or not bundles or not all(bundle["attestations"] for bundle in bundles):
        raise Invalid("it holds no attestation")
    claims = {(str(bundle["publisher"]["kind"]), str(bundle["publisher"].get("repository"))) for bundle in bundles}
    if len(claims) != 1:
        raise Invalid("it names different publishers")
    kind, repository = claims.pop()
    if kind not in _HOSTS:
        raise SecpipeError(f"a publisher of the kind {printable(kind, 40)} cannot be judged here")
    if not _REPOSITORY.fullmatch(repository):
        raise Invalid("its publisher is no repository")
    return Claim(_HOSTS[kind] + repository)


def _identity(document: Any) -> str:
    """Return the one URI in the certificate's subject alternative name; the program checks the certificate itself."""
    from cryptography import x509

    text = document["verification_material"]["certificate"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise Invalid("its certificate names nobody") from None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise Invalid("its certificate does not name one workflow")
    return uris[0]
