"""How the gate was asked, so that what it tells to run can be pasted where it was asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secpipe.gate.request import BUILTIN, TREE_POLICY

#: How commands about the rules begin: an image is judged by them like a folder; all others change what is in it.
ABOUT_RULES = tuple(
    f"secpipe {word} " for word in ("init", "check", "approve", "waive", "accept", "advisories", "keys")
)


@dataclass(frozen=True, slots=True)
class Call:
    """One `secpipe check` as it was typed; without arguments, one of which nothing is known.

    `known`: what is told to run is run where it was typed. Otherwise (a stored verdict, a release that is out) it is
    for somebody inside the project, whose policy and trust root lie nobody knows where. `policy` is a file,
    `builtin:NAME`, or "" where the default held; `policy_ref` as it was given. `policy_pin` and `trust_pin` are the
    digests of what was used, "" where nothing was. `signers` may sign models and files. `options` are further words
    that a repeated check needs. `trust` is "" where something else stands in its place.
    """

    known: bool = False
    path: str = "."
    policy: str = "policy.toml"
    policy_ref: str = ""
    policy_pin: str = ""
    trust: str = "keys"
    trust_pin: str = ""
    trust_there: bool = False
    signers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    asked: str = ""  # the image that was asked about: what must change is changed where it is built

    @property
    def editable(self) -> bool:
        """Whether an owner can edit the policy here: a file, of which no branch and no signature says what is in it."""
        named = self.policy_ref.startswith(("git:", "signed"))
        return bool(self.policy) and not self.policy.startswith(BUILTIN) and not named

    def under(self, path: str) -> str:
        """Return a path of the release as it is reached from where the check was run.

        `./` before a leading dash: no command takes it for an option, wherever it stands among the words.
        """
        whole = path if self.path in ("", ".") else f"{self.path.rstrip('/')}/{path}" if path else self.path
        whole = whole or "."
        return f"./{whole}" if whole.startswith("-") else whole

    def by_tree(self) -> Call:
        """Return the call that would judge by the policy found in the release."""
        return replace(self, policy=self.under(TREE_POLICY), policy_ref="")

    def check(self) -> tuple[str, ...]:
        """Return the words that ask again, everything that the rules come from pinned to what it is now."""
        words = ["secpipe", "check", self.asked or self.under("")]
        if self.policy_ref.startswith(("git:", "signed")):
            words += ["--policy", self.policy] * bool(self.policy) + ["--policy-ref", self.policy_ref]
        elif self.policy.startswith(BUILTIN):
            words += ["--policy", self.policy]
        elif self.policy:
            words += ["--policy", self.policy, "--policy-ref", self.policy_pin]
        if self.trust_pin:
            words += ["--trust", self.trust, "--trust-pin", self.trust_pin]
        return (*words, *self.options)
