"""Which command ends a reason: one table by rule. What holds malicious content is never offered for acceptance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from secpipe.core.do import Do, Kind, accept, fix, person
from secpipe.core.evidence import State
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import printable
from secpipe.core.verdict import Effect, Reason
from secpipe.formats.packages import ecosystems
from secpipe.gate import ages
from secpipe.gate.accepted import acceptable, content_of, kind_of
from secpipe.gate.doing import upgrade
from secpipe.gate.doing.call import ABOUT_RULES, Call
from secpipe.gate.doing.naming import common, glob, holds, named, option, signable
from secpipe.gate.doing.sentences import sentence_of
from secpipe.gate.grouping import fixed_in
from secpipe.gate.policies import waivers
from secpipe.gate.policies.policy import ACCEPTS, Policy
from secpipe.gate.request import BUILTIN
from secpipe.gate.rules.packs import pack_of
from secpipe.gate.rules.shipped import command as sbom_words
from secpipe.gate.rules.shipped import shipped
from secpipe.gate.ruling import Situation
from secpipe.keys.schemes.scheme import PAIRS
from secpipe.sbom import EMPTY
from secpipe.scan.shadow_ai.signal import LOCAL, UNKNOWN, UNLISTED
from secpipe.scan.vulnerabilities import ecosystem_of, uncovered

_SHOWN = 8  # paths or findings on one command line; more of them are named by rule and path
_EXACT = 3  # paths named with their digests
_PROMPTS = ("shadow-ai/unapproved-host", "shadow-ai/unapproved-provider", "shadow-ai/expired-approval")

_AGENT_PROMPTS = tuple(
    f"agents/{name}" for name in ("unapproved-item", "grown-capability", "unpinned-power", "expired-approval")
)


#: What no approval answers: as long as a file holds it, nobody is asked to approve what the file declares.
_AGENT_ATTACKS = frozenset(
    f"agents/{name}"
    for name in (
        "hidden-text", "fetch-and-run", "hostile-command", "credential-theft", "instruction-to-conceal",
        "instruction-to-disable", "look-alike-name", "leaves-project", "changed-description",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A reason, the findings behind it, and everything that was judged."""

    reason: Reason
    findings: Sequence[Finding]
    situation: Situation
    bad: frozenset[str] = frozenset()  # files that nobody is asked to answer for

    @property
    def call(self) -> Call:
        return self.situation.call

    @property
    def policy(self) -> Policy:
        return self.situation.policy

    @property
    def paths(self) -> list[str]:
        """The files it is about, each once."""
        named = [*(finding.path for finding in self.findings), self.reason.path]
        return list(dict.fromkeys(path for path in named if path))


#: A secret is taken out of a file; nothing else in that file is worse for it.
_LEAKED = "shadow-ai/leaked-key"


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that was judged: findings by id, those that hold something hostile, and their files."""

    findings: Mapping[str, Finding]
    hostile: frozenset[str]
    bad: frozenset[str]


def told(reasons: Iterable[Reason], findings: Mapping[str, Finding], situation: Situation) -> list[Reason]:
    """Return the reasons, each with what to do about it; one that knows already keeps it. `findings` is all, by id."""
    hostile = frozenset([name for name, finding in findings.items() if _malicious(finding)])
    bad = [findings[name] for name in hostile]
    known = _Known(findings, hostile, frozenset([one.path for one in bad if one.rule != _LEAKED]))
    return [reason if reason.do is not None else reason.told(_total(reason, known, situation)) for reason in reasons]


def _total(reason: Reason, known: _Known, situation: Situation) -> Do:
    try:
        do = _todo(reason, known, situation)
        if situation.call.asked and do.kind is not Kind.PERSON and not do.text.startswith(ABOUT_RULES):
            return person(f"where the image is built, run {do.text}; then build it anew")
        if do.kind is Kind.ACCEPT and not situation.call.known:
            owner = reason.owner or situation.policy.owner or "the owner of the policy"
            return person(
                f"{owner} decides whether to accept this: secpipe check on the release says with which command"
            )
        return do
    except Exception:  # evidence is made from hostile input; the reason itself stands whatever is told about it
        return person("mend this and check again")


def _todo(reason: Reason, known: _Known, situation: Situation) -> Do:
    findings = [known.findings[name] for name in reason.findings if name in known.findings]
    case = Case(reason, findings, situation, known.bad)
    if not known.hostile.isdisjoint(reason.findings) or (_tainted(reason, known) and known.bad.issuperset(case.paths)):
        return _refuse(case)
    maker = MAKERS.get(reason.rule)
    if maker is not None:
        return maker(case)
    if sentence_of(reason):
        return _say(case)
    return _waive(case) if case.findings else _say(case)


def _tainted(reason: Reason, known: _Known) -> bool:
    """Whether the file a reason names first holds something hostile: asked before all of them, which is dear."""
    if reason.path:
        return reason.path in known.bad
    places = (known.findings[name].path for name in reason.findings if name in known.findings)
    return next(filter(None, places), "") in known.bad


def _malicious(finding: Finding) -> bool:
    """Whether nobody is asked to answer for it: code in a model, known or not, a malicious package, a leaked secret."""
    if finding.rule == "audit/known-vulnerability":
        return False
    if finding.rule.startswith("models/") and finding.severity >= Severity.HIGH:
        return True
    if finding.rule in _AGENT_ATTACKS:
        return True
    return finding.severity is Severity.CRITICAL or finding.details.get("outcome") == "malicious"


def _refuse(case: Case) -> Do:
    rule, advice = case.reason.rule, case.reason.advice
    if sentence_of(case.reason):
        return _say(case)
    if rule in _AGENT_PROMPTS:
        return person(f"nobody can approve it as it is: first mend what else is found in {named(case.paths)}")
    if case.paths and not rule.startswith("audit/"):
        return person(f"do not open {named(case.paths)}: remove it, or get it anew as safetensors")
    return person(advice or f"remove what {rule} names: {case.reason.what}")


def _say(case: Case) -> Do:
    """A sentence: the table's, else the scanner's or the policy's own advice, else that somebody must look."""
    about = {
        "what": named(case.paths) or "the release",
        "owner": case.reason.owner or case.policy.owner or "the owner of the policy",
        "policy": printable(case.call.policy, 200) or "the policy",
        "advice": case.reason.advice,
    }
    sentence = sentence_of(case.reason) or ("{advice}" if case.reason.advice else "mend this and check again")
    return person(sentence.format_map(about))


def _answerable(case: Case) -> Do | None:
    """Return what must be done before an owner can write into the policy, or None where nothing must."""
    call = case.call
    if not call.policy:
        return fix("secpipe", "init", call.under(""))
    if call.editable:
        return None
    if call.policy.startswith(BUILTIN):
        name = call.policy.removeprefix(BUILTIN)
        return person(
            f'keep a policy file of your own with profile = "{name}" outside the project and check with it:'
            " an exception needs an owner, and a shipped policy has none"
        )
    return person(f"{case.policy.owner} decides whether to accept this in the policy behind {call.policy_ref}")


def _waive(case: Case) -> Do:
    rule, policy = case.reason.rule, case.policy
    rules = list(dict.fromkeys(finding.rule for finding in case.findings))
    if any(waivers.never(one, policy.waivers) for one in rules) or not case.findings:
        return _say(case)
    if policy.waivers.signed:
        return person(f"{policy.owner} decides whether to waive {rule} in a signed file of waivers")
    if (first := _answerable(case)) is not None:
        return first
    scope = [word for one in rules for word in ("--rule", one)]
    ids = [finding.id for finding in case.findings]
    if len(ids) > _SHOWN:
        return accept(*_edit(case, "waive"), *scope, *_within(case))
    return accept(*_edit(case, "waive"), *scope, *ids)


def _edit(case: Case, command: str) -> tuple[str, ...]:
    return ("secpipe", command, "--policy", case.call.policy, "--env", case.situation.environment)


def _within(case: Case) -> list[str]:
    return [word for path in case.paths[:_SHOWN] for word in option("--path", glob(path))]


def _approve(case: Case) -> Do:
    if (first := _answerable(case)) is not None:
        return first
    asked: dict[tuple[str, ...], None] = {}
    for details in (finding.details for finding in case.findings):
        provider, host = str(details.get("provider") or ""), str(details.get("host") or "")
        by_host = host and provider in (UNLISTED, LOCAL, "")
        asked[option("--host", host) if by_host else option("--provider", provider)] = None
    if not asked or len(asked) > _SHOWN:
        return _waive(case)
    return accept(*_edit(case, "approve"), *(word for one in asked for word in one))


def _approve_agent(case: Case) -> Do:
    if (first := _answerable(case)) is not None:
        return first
    asked = [finding for finding in case.findings if not _stains(finding, case.bad)]
    if not asked and case.findings:
        worse = sorted({path for finding in case.findings for path in _stains(finding, case.bad)})
        return person(f"nobody can approve it as it is: first mend what else is found in {named(worse)}")
    names = list(dict.fromkeys(str(finding.details.get("item") or "") for finding in asked))
    if not all(names) or len(names) > _SHOWN or any(set(name) & set("*?[") for name in names):
        return person(
            f"{case.policy.owner} looks at {named(case.paths)} and approves each item (secpipe approve agent)"
        )
    items = (word for name in names for word in option("--item", name))
    return accept(
        "secpipe",
        "approve",
        "agent",
        "--policy",
        case.call.policy,
        "--env",
        case.situation.environment,
        "--project",
        case.call.under(""),
        *items,
    )


def _stains(finding: Finding, bad: Iterable[str]) -> list[str]:
    """Return the files with something hostile: the one that declares an item, and what a skill brings beside it."""
    folder = finding.path.rpartition("/")[0]
    brings = folder and str(finding.details.get("item") or "").startswith("skill:")
    return [path for path in bad if path == finding.path or (brings and path.startswith(f"{folder}/"))]


def _unknown_destination(case: Case) -> Do:
    if (first := _answerable(case)) is not None:
        return first
    return accept(*_edit(case, "approve"), "--provider", UNKNOWN, *_within(case))


def _upgrade(case: Case) -> Do:
    target = fixed_in(case.findings)
    if target:
        details, lock = case.findings[0].details, case.findings[0].path
        found = upgrade.command(details, target, lock, case.situation.paths, case.call)
        name = printable(str(details.get("package")), 100)
        return found or person(
            f"set {name} to {printable(target, 60)} in {named([lock])}, with its new hash if it has one"
        )
    return _waive(case)


def _sign(case: Case) -> Do:
    place = {finding.path: pack_of(case.situation, finding.path) for finding in case.findings}
    kind = next(iter(place.values()), ("", ""))[1]
    same = [path for path, (_, purpose) in place.items() if purpose == kind]
    folders = dict.fromkeys(place[path][0] if kind else path.rpartition("/")[0] or path for path in same)
    nameless = [path for path in case.paths if not signable(path)]
    clean = [folder for folder in folders if not holds(folder, [*case.bad, *nameless])]
    if not clean and nameless:
        return person(f"rename {named(nameless)}: such a name cannot be signed")
    if not clean:
        return person("mend what the model scan says first: nobody signs a folder with a file that can run code")
    return _with_root(case, lambda: (*_sign_words(case, clean), *(("--kind", kind) if kind else ())))


def _lock(case: Case) -> Do:
    return accept("secpipe", "agents", "lock", case.call.under(""))


def _with_root(case: Case, words: Callable[[], tuple[str, ...]]) -> Do:
    """A command that needs a trust root; without one, the command that makes it: whose keys count is a decision."""
    trust = case.situation.of("trust")
    if trust.state is State.OK:
        return accept(*words())
    if not case.call.trust:
        there = printable(case.call.under("keys"), 200)
        return person(f"{there} is no folder: rename it, or keep the trust root elsewhere and check with --trust")
    if not case.call.trust_there:
        return accept("secpipe", "keys", "init", "--trust", case.call.trust, *_profile(case.policy))
    return person(f"mend the trust root in {case.call.trust} first: {trust.reason}")


def _sign_words(case: Case, folders: Sequence[str]) -> tuple[str, ...]:
    call, accepted = case.call, case.policy.signatures.identities
    who = [name for name in accepted if name in call.signers] or list(call.signers)
    key = ("--key", who[0]) if who and (len(call.signers) > 1 or accepted) else ()
    return ("secpipe", "sign", *(call.under(folder) for folder in folders[:_SHOWN]), "--trust", call.trust, *key)


def _profile(policy: Policy) -> tuple[str, ...]:
    wanted = set(policy.keys.algorithms)
    fitting = [name for name, pair in PAIRS.items() if wanted and set(pair) <= wanted]
    return ("--profile", fitting[0]) if fitting and "default" not in fitting else ()


def _not_checked(case: Case) -> Do:
    trust, check = case.situation.of("trust"), case.reason.check
    if check in ("trust", "signatures") and trust.state is not State.OK and not case.call.trust_there:
        return _with_root(case, tuple)
    if check == "sbom" and case.reason.what == EMPTY:
        return person(
            "list the packages that it needs with exact versions (uv lock, pip-compile, npm install), or check the "
            "folder that goes out: nothing in this one could be read as a package list, a model or a page"
        )
    return _say(case)


def _pin(case: Case) -> Do:
    return accept(*case.call.check())


def _ship(case: Case) -> Do:
    if case.reason.check != "sbom" or not shipped(case.situation, case.situation.of("sbom")):
        return _say(case)
    return fix(*sbom_words(case.policy.sbom.spec, case.call.under))


def _incomplete(case: Case) -> Do:
    """What readers could not read is brought or accepted; what the walk could not reach is better brought."""
    walked = {(skip.path, skip.reason) for skip in case.situation.of("files").skips}
    skips = case.reason.unread
    lacking = ecosystems.of(ecosystem_of(case.reason.what))
    if lacking and lacking.published:
        return fix("secpipe", "advisories", "update", "--ecosystem", lacking.name)
    asked = case.reason.effect is Effect.UNDECIDED
    mine = asked and skips and all(acceptable(one) and (one.path, one.reason) not in walked for one in skips)
    if not mine or waivers.never(case.reason.rule, case.policy.waivers) or _answerable(case) is not None:
        return _say(case)
    checks = [name for name in ACCEPTS if {*skips} <= {*case.situation.of(name).skips}]
    home = ecosystem_of(skips[0].reason)
    kind = f"*{uncovered(home)}*" if home else kind_of(skips[0])
    scope = [word for name in checks for word in ("--check", name)] + ["--kind", kind]
    return accept(*_edit(case, "accept"), *scope, *_extent(case)) if checks else _say(case)


def _stale(case: Case) -> Do:
    """The data that judged is brought up to date; what is below the policy's minimum as well."""
    home = case.reason.path.removeprefix(ages.PLACE).partition("/")[0]
    known = ecosystems.of(home) if case.reason.path else None
    return fix("secpipe", "advisories", "update", *(("--ecosystem", known.name) if known else ()))


def _extent(case: Case) -> list[str]:
    """Name the things by path and content; of many, or without content, by path, with their number and size."""
    paths = list(dict.fromkeys(skip.path for skip in case.reason.unread))
    content = content_of(case.situation.evidence)
    exact = len(paths) <= _EXACT and all(path in content for path in paths)
    globs = [glob(path) for path in paths] if len(paths) <= _SHOWN else [common(paths)]
    words = [word for glob in globs for word in option("--path", glob)]
    if exact:
        return words + [word for one in dict.fromkeys(content[path][0] for path in paths) for word in ("--digest", one)]
    size = sum(content[path][1] for path in paths if path in content)
    return [*words, "--most", str(len(paths)), "--bytes", str(size)]


MAKERS: dict[str, Callable[[Case], Do]] = {
    **dict.fromkeys(_PROMPTS, _approve),
    "shadow-ai/unknown-destination": _unknown_destination,
    **dict.fromkeys(_AGENT_PROMPTS, _approve_agent),
    "audit/known-vulnerability": _upgrade,
    "gate/unsigned-artifact": _sign,
    "agents/not-locked": _lock,
    "gate/incomplete": _incomplete,
    "gate/stale-advisories": _stale,
    "gate/not-checked": _not_checked,
    "gate/self-judged": _pin,
    "gate/missing-evidence": _ship,
    "gate/sbom-disagrees": _ship,
    "gate/sbom-format": _ship,
    "gate/sbom-too-old": _ship,
}
