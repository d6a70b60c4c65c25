"""The policy document `secpipe.policy/1` as frozen dataclasses: the sections, their keys, and which way is tighter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from secpipe.core.sections import key
from secpipe.gate.policies.limits import PATTERN
from secpipe.scan.shadow_ai.allow import ShadowAI

SCHEMA = "secpipe.policy/1"
SEVERITIES = ("never", "critical", "high", "medium", "low", "info")
ITEMS = ("finding", "vulnerability", "component", "model", "ai_use", "artifact")
#: Words of `cover` that mean a kind of thing, not a path.
KINDS = ("models", "prompts", "datasets", "skills", "plugins")
#: The rule that something was not read, and the checks of which a policy may accept it: none that vouches.
INCOMPLETE = "gate/incomplete"
ACCEPTS = ("files", "sbom", "models", "shadow-ai", "audit")
REQUIRE = ("classical", "pq", "classical+pq")


@dataclass(frozen=True, slots=True)
class Phase:
    """Demands that begin on a day (`[[signatures.phase]]`). They add to what is demanded already, and never end."""

    since: date | None = key(None, doc="first day (UTC) on which it holds")
    require: str = key("", choice=("", *REQUIRE), doc="halves that must verify from then on; empty: no change")
    algorithms: tuple[str, ...] = key((), doc="scheme ids that count from then on; empty: no change")


@dataclass(frozen=True, slots=True)
class Signatures:
    """Who must have signed what, and how."""

    required: bool = key(True, tighter="more", doc="every artifact in `cover` needs a verified signature")
    require: str = key("classical+pq", choice=REQUIRE, tighter="more", doc="halves that must verify")
    cover: tuple[str, ...] = key(
        ("models",), tighter="superset", doc="`models`, `prompts`, `datasets`, `skills`, `plugins` or path globs"
    )
    identities: tuple[str, ...] = key((), tighter="subset", doc="signers that count; empty: any with the authority")
    roles: dict[str, int] = key(
        {},
        tighter="more",
        doc="attestations of a purpose that each artifact needs, each by another holder than its signer",
    )
    phase: tuple[Phase, ...] = key((), tighter="superset", doc="demands that begin on a day")


@dataclass(frozen=True, slots=True)
class Sbom:
    """What the AI-BOM must look like."""

    required: bool = key(True, tighter="more", doc="an AI-BOM that validates and is not empty")
    profiles: dict[str, int] = key({}, tighter="more", doc="minimum percent by completeness profile")
    shipped: bool = key(False, tighter="more", doc="the release ships an SBOM file that agrees with the tree")
    spec: tuple[str, ...] = key(
        (), tighter="subset", doc="formats of shipped SBOM files: `CycloneDX>=1.6`, `SPDX>=3.0`"
    )
    max_age_days: int = key(0, tighter="fewer", doc="age of a shipped SBOM file; 0: any")


@dataclass(frozen=True, slots=True)
class Licenses:
    """Licences of libraries and models; globs over SPDX expressions."""

    allow: tuple[str, ...] = key((), tighter="subset", globs=True, doc="empty: every licence that is not denied")
    review: tuple[str, ...] = key((), tighter="superset", doc="a person must look: not decided until waived")
    deny: tuple[str, ...] = key((), tighter="superset", doc="never")


@dataclass(frozen=True, slots=True)
class Vulnerabilities:
    """Known vulnerabilities of dependencies."""

    required: bool = key(True, tighter="more", doc="dependencies are looked up in the advisory data")
    block: str = key("high", choice=SEVERITIES, tighter="more", doc="this severity and worse denies")
    warn: str = key("low", choice=SEVERITIES, tighter="more", doc="this severity and worse warns")
    scope: str = key(
        "all", choice=("prod", "all"), tighter="more", doc="`prod`: packages that only development needs warn"
    )
    max_age_days: int = key(
        0, tighter="fewer", doc="older advisory data is stale: not decided; 0: any age, with a warning"
    )
    embedded_until: date | None = key(
        None,
        tighter="earlier",
        doc="last day (UTC) on which the data that came with secpipe decides at any age; none: it never does",
    )
    complete: bool = key(
        False, tighter="more", doc="components that cannot be judged (no version) count as not checked"
    )
    indexes: tuple[str, ...] = key(
        (), tighter="shorter", globs=True, doc="package indexes that may be used; globs over host, or host and path"
    )
    grace_days: int = key(
        0, doc="a vulnerability published fewer days ago only warns, unless it is known to be exploited"
    )
    grace_until: date | None = key(None, doc="last day (UTC) on which `grace_days` counts; none: it never does")


@dataclass(frozen=True, slots=True)
class Models:
    """Model files."""

    required: bool = key(True, tighter="more", doc="every model file is scanned")
    formats: tuple[str, ...] = key(
        (), tighter="subset", doc="formats that may be deployed; empty: any that scans clean"
    )
    block: str = key("medium", choice=SEVERITIES, tighter="more", doc="`medium` includes files that need a review")
    warn: str = key("low", choice=SEVERITIES, tighter="more", doc="this severity and worse warns")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where models come from; needs signed provenance attestations."""

    required: bool = key(False, tighter="more", doc="models come with signed provenance")
    builders: tuple[str, ...] = key((), tighter="subset", globs=True, doc="accepted builder ids, globs")
    named_builders: bool = key(False, tighter="more", doc="`builders` must not be empty")
    sources: tuple[str, ...] = key((), tighter="subset", globs=True, doc="accepted source repositories, globs")
    base_models: tuple[str, ...] = key(
        (), tighter="subset", globs=True, doc="accepted base models, globs over purls and URIs"
    )
    datasets: tuple[str, ...] = key((), tighter="subset", globs=True, doc="accepted training data, globs over URIs")
    inputs: tuple[str, ...] = key((), tighter="superset", doc="parameters that the provenance must name")


@dataclass(frozen=True, slots=True)
class Demand:
    """One test result that must exist, have passed and be fresh (`[[attestations.require]]`)."""

    type: str = key("", doc="evaluation, bias, drift, safety, ...")
    max_age_days: int = key(0, tighter="fewer", doc="age of the result; 0: any")
    names: tuple[str, ...] = key(
        (), tighter="superset", doc="`prompts`, `datasets` or path globs: what results must name by its digest of today"
    )
    limits: tuple[str, ...] = key(
        (),
        tighter="superset",
        pattern=PATTERN,
        doc="figures that a result must give: `accuracy >= 0.9`, `toxicity <= 0.02`",
    )


@dataclass(frozen=True, slots=True)
class Attestations:
    """Signed statements that must accompany the release."""

    require: tuple[Demand, ...] = key((), tighter="superset", doc="test results that must exist, pass, be fresh")


@dataclass(frozen=True, slots=True)
class Signals:
    """Signed words from production (canary, drift) that `secpipe monitor --signals` takes in."""

    limits: tuple[str, ...] = key(
        (),
        tighter="superset",
        pattern=PATTERN,
        doc="figures beyond which a signal withdraws a verdict: `refusals <= 0.2`",
    )


@dataclass(frozen=True, slots=True)
class Keys:
    """Which keys count."""

    algorithms: tuple[str, ...] = key((), tighter="subset", doc="scheme ids of signing keys; empty: all")
    root_algorithms: tuple[str, ...] = key((), tighter="subset", doc="scheme ids of the trust root's keys; empty: all")
    max_age_days: int = key(0, tighter="fewer", doc="age of the key version that signed; 0: any")
    max_ring_age_days: int = key(
        0, tighter="fewer", doc="age of the signed statement that the ring is the newest; 0: none is asked"
    )
    stamped_from: date | None = key(
        None, tighter="sooner", doc="from this day on a key past its `sign_until` counts only with a trusted time"
    )


@dataclass(frozen=True, slots=True)
class Minimum:
    """Versions below which trusted state is refused: fresh runners remember nothing."""

    root: int = key(0, tighter="more", doc="version of the trust root")
    ring: int = key(0, tighter="more", doc="version of the key ring")
    advisories: date | None = key(None, tighter="more", doc="date of the advisory data")


@dataclass(frozen=True, slots=True)
class Waivers:
    """What a waiver must be to count."""

    horizon_days: int = key(0, tighter="fewer", doc="how far ahead a waiver may end; 0: any day")
    approved: bool = key(False, tighter="more", doc="every waiver names an approver, another person than its owner")
    signed: bool = key(False, tighter="more", doc="waivers count only from a signed file")
    never: tuple[str, ...] = key((), tighter="superset", doc="rules that cannot be waived, globs")


@dataclass(frozen=True, slots=True)
class Persons:
    """People whom the policy knows."""

    approvers: tuple[str, ...] = key(
        (), tighter="subset", doc="whose approval of a waiver counts; empty: anybody but its owner"
    )


@dataclass(frozen=True, slots=True)
class Promotion:
    """Where the same digests must have passed before."""

    after: tuple[str, ...] = key(
        (), tighter="superset", doc="environments with a signed PASSED verdict on the same digests"
    )
    max_age_days: int = key(0, tighter="fewer", doc="age of that verdict; 0: any")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Signed verdicts: how long they hold, and whose are accepted."""

    valid_hours: int = key(24, tighter="fewer", doc="how long a verdict holds at most")
    verifiers: tuple[str, ...] = key((), tighter="subset", doc="accepted verifier ids; empty: any with the authority")


@dataclass(frozen=True, slots=True)
class Logging:
    """The log that verdicts and acts are appended to, and what it takes to rely on one (docs/spec/log.md)."""

    folder: str = key("", doc="folder of the log; counts only from a pinned policy")
    required: bool = key(False, tighter="more", doc="a verdict counts only with a proof that it is logged")
    keys: tuple[str, ...] = key((), doc="verifier keys of the log, all of which must have signed")
    witnesses: tuple[str, ...] = key((), doc="verifier keys of witnesses; one counts with all of its keys")
    quorum: int = key(0, tighter="more", doc="witnesses that must have cosigned")


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may let a release out against the verdict, and for how long."""

    holders: int = key(2, tighter="more", least=2, doc="different people who must sign the override; never below two")
    max_hours: int = key(24, tighter="fewer", doc="how long an override may hold")


@dataclass(frozen=True, slots=True)
class Condition:
    """A CEL expression over one item at a time (`[[condition]]`): where it is true, the effect takes place."""

    id: str = key("", doc="what reasons call it")
    on: str = key("finding", choice=ITEMS, doc="what `when` looks at")
    when: str = key("", doc="CEL; an error or a value that is not known is never a no")
    effect: str = key("deny", choice=("warn", "deny"))
    message: str = key("", doc="one plain sentence for the reader")
    fix: str = key("")


@dataclass(frozen=True, slots=True)
class Project:
    """A part of the repository with a verdict of its own (`[[project]]`)."""

    path: str = key("", doc="its folder, below the release")
    name: str = key("", doc="what its verdict calls it")
    policy: str = key("", doc="builtin:NAME, or a file beside this one; empty: this policy")
    policy_ref: str = key("", doc="sha256:HEX that the file of `policy` must have")


@dataclass(frozen=True, slots=True)
class Waiver:
    """A dated exception. It names a finding id, or a rule with globs on path and subject."""

    id: str = key("", doc="what reports call it")
    finding: str = key("", doc="id of one finding")
    rule: str = key("", doc="glob over rule ids")
    paths: tuple[str, ...] = key((), doc="globs over the finding's path; none: any")
    subjects: tuple[str, ...] = key((), doc="globs over the finding's subject; none: any")
    env: tuple[str, ...] = key((), doc="environments in which it holds; none: all")
    owner: str = key("", doc="who answers for it")
    approved_by: str = key("", doc="who approved it: another person than its owner")
    reason: str = key("", doc="why it can wait")
    ticket: str = key("", doc="where it was discussed")
    expires: date | None = key(None, doc="last day on which it holds (UTC)")
    source: str = key("", inner=True, doc="the file it comes from, other than the policy")
    signed_by: str = key("", inner=True, doc="the identity whose signature on its file holds")


@dataclass(frozen=True, slots=True)
class Accept:
    """What nobody read and an owner has decided to live with. It settles only what is *not read*, and no more of it."""

    checks: tuple[str, ...] = key((), choice=ACCEPTS, doc="checks that did not read it")
    kind: str = key("", doc="why it was not read, as reports say it; `*` stands for any text")
    paths: tuple[str, ...] = key((), doc="globs over paths; with `digests`, both must match")
    digests: tuple[str, ...] = key((), doc="SHA-256 of the files' content: anything else asks again")
    most: int = key(0, doc="without `digests`: how many paths it covers; more ask again")
    bytes: int = key(0, most=1 << 50, doc="without `digests`: how many bytes they hold; more ask again")
    env: tuple[str, ...] = key((), doc="environments in which it holds; none: all")
    owner: str = key("", doc="who answers for it")
    approved_by: str = key("", doc="who approved it: another person than its owner")
    reason: str = key("", doc="why the release can do without")
    ticket: str = key("", doc="where it was discussed")
    accepted: date | None = key(None, doc="day on which it was accepted (UTC): reports tell its age")
    expires: date | None = key(None, doc="last day on which it holds (UTC)")
    signed_by: str = key("", inner=True, doc="the identity whose signature on the policy holds")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What must have been read, how far, and what a team lives with that was not (docs/spec/ledger.md)."""

    depth: str = key("text", choice=("text", "parsed"), tighter="more", doc="how far what ships must have been read")
    accept: tuple[Accept, ...] = key((), tighter="shorter", doc="what is not read and accepted")


@dataclass(frozen=True, slots=True)
class AgentApproval:
    """What an item of an agent may do (`[[agents.allow]]`); docs/agents.md lists the capabilities."""

    item: str = key("", doc="`kind:name` as the finding names it; globs")
    publisher: str = key("", doc="scope, host or signing identity that it must come from")
    capabilities: tuple[str, ...] = key((), doc="what it may do, as `net:api.example`")
    digest: str = key("", doc="digest of what it is today; powerful items need it, or a publisher who signed them")
    paths: tuple[str, ...] = key((), doc="globs over the path of the file that declares it; none: any")
    env: tuple[str, ...] = key((), doc="environments in which it holds; none: all")
    owner: str = key("", doc="who answers for it")
    reason: str = key("", doc="why it is approved")
    ticket: str = key("", doc="where it was discussed")
    expires: date | None = key(None, doc="last day on which it holds (UTC)")


@dataclass(frozen=True, slots=True)
class Agents:
    """What assistants and agents of the project may do."""

    default: str = key("deny", choice=("allow", "deny"), tighter="more", doc="items that nobody approved")
    block: str = key("medium", choice=SEVERITIES, tighter="more", doc="this severity and worse denies")
    warn: str = key("low", choice=SEVERITIES, tighter="more", doc="this severity and worse warns")
    locked: bool = key(False, tighter="more", doc="agents.lock.json is there, and the items are those that it lists")
    reviews: int = key(0, tighter="more", doc="people whose signed review each text that instructs an agent needs")
    allow: tuple[AgentApproval, ...] = key((), tighter="shorter", doc="approved items, by what they can do")


@dataclass(frozen=True, slots=True)
class Policy:
    """A resolved policy for one environment: profiles, file and overlay put together. `expires` is a day, inclusive."""

    name: str = key("", doc="what verdicts call it")
    owner: str = key("", doc="who answers for it, and acts where nobody else is named")
    expires: date | None = key(None, tighter="sooner", doc="last day on which it decides (UTC)")
    mode: str = key("enforce", choice=("warn", "enforce"), tighter="more", doc="`warn` never blocks")
    exclude: tuple[str, ...] = key((), tighter="shorter", doc="relative paths that are no part of the release")
    signatures: Signatures = key(Signatures())
    sbom: Sbom = key(Sbom())
    licenses: Licenses = key(Licenses())
    vulnerabilities: Vulnerabilities = key(Vulnerabilities())
    models: Models = key(Models())
    agents: Agents = key(Agents())
    provenance: Provenance = key(Provenance())
    attestations: Attestations = key(Attestations())
    signals: Signals = key(Signals())
    keys: Keys = key(Keys())
    minimum: Minimum = key(Minimum())
    ledger: Ledger = key(Ledger())
    waivers: Waivers = key(Waivers())
    persons: Persons = key(Persons())
    promotion: Promotion = key(Promotion())
    verdicts: Verdicts = key(Verdicts())
    log: Logging = key(Logging())
    break_glass: BreakGlass = key(BreakGlass())
    condition: tuple[Condition, ...] = key((), tighter="superset")
    project: tuple[Project, ...] = key((), doc="parts that are judged each by itself")
    waiver: tuple[Waiver, ...] = key((), tighter="shorter")
    shadow_ai: ShadowAI = key(ShadowAI())
