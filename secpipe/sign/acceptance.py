"""When a signature by a key version counts: dates, states, trusted time and the authority of the signer. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from secpipe.core import times
from secpipe.core.trust import FLOORS, Authority, HalfClass, Identity, KeyState, KeyVersion
from secpipe.sign.refusal import COMPROMISED, EXPIRED, STRIPPED, SUSPENDED, WRONG_PURPOSE, Refused


def check_floor(found: frozenset[HalfClass], require: str) -> None:
    """Raise Refused unless the verified halves satisfy the verifier's floor."""
    missing = FLOORS[require] - found
    if missing:
        names = " and ".join(sorted(missing))
        accept = next((name for name, classes in FLOORS.items() if classes == found), "")
        raise Refused(
            STRIPPED, f"there is no {names} half, and {require} is required", "below-floor",
            hint=f"sign with a hybrid key; if your policy takes such keys: --require {accept}",
        )  # fmt: skip


def check_suspension(who: str, version: KeyVersion, now: datetime) -> None:
    """Raise Refused for a key that is suspended at `now`, whatever its time stamps say: nobody knows yet since when it
    is unsafe."""
    if version.suspended_since is not None and now >= version.suspended_since:
        raise Refused(SUSPENDED, f"{who} is suspended since {times.rfc3339(version.suspended_since)}")


def check_dates(who: str, version: KeyVersion, trusted: datetime | None, accuracy: timedelta, now: datetime) -> None:
    """Raise Refused unless a signature made at `trusted` (None: at an unknown time) counts at `now`.

    A time of signing only ever comes from a pinned time authority; `accuracy` is its stated uncertainty. A suspended
    key is refused whatever the time.
    """
    check_suspension(who, version, now)
    state = version.state(now)
    if version.compromised_since is not None:
        if trusted is None:
            raise Refused(
                COMPROMISED, f"{who} is compromised since {times.rfc3339(version.compromised_since)} and nothing "
                "proves an earlier signature", hint="sign it again with the current key"
            )  # fmt: skip
        if trusted + accuracy >= version.compromised_since:
            raise Refused(COMPROMISED, f"{who} was compromised before this was signed on {times.rfc3339(trusted)}")
    if trusted is not None:
        ends = min(filter(None, (version.sign_until, version.destroyed_since)))
        if trusted - accuracy < version.not_before:
            raise Refused(
                EXPIRED, f"{who} was not active yet when this was signed on {times.rfc3339(trusted)}", "key-not-yet"
            )
        if trusted + accuracy > ends:
            raise Refused(EXPIRED, f"{who} was no longer active when this was signed on {times.rfc3339(trusted)}")
        return
    if now < version.not_before or state is KeyState.PRE_ACTIVATION:
        raise Refused(EXPIRED, f"{who} is not active before {times.rfc3339(version.not_before)}", "key-not-yet")
    if version.verify_until is not None and now > version.verify_until:
        raise Refused(
            EXPIRED, f"{who} ended on {times.rfc3339(version.verify_until)} and nothing proves an earlier signature",
            hint="sign it again with the current key",
        )  # fmt: skip


def check_authority(identity: Identity, purpose: str, subject: str, environment: str) -> None:
    """Raise Refused unless the identity may sign this purpose, subject and environment."""
    authority: Authority = identity.authority
    for what, value, globs in (
        ("purpose", purpose, authority.purposes),
        ("subject", subject, authority.namespaces),
        ("environment", environment, authority.environments),
    ):
        if not any(fnmatchcase(value, glob) for glob in globs):
            allowed = ", ".join(globs) or "nothing"
            shown = value or "(none named)"
            hint = f"--env {globs[0]}" if what == "environment" and not value and globs else ""
            raise Refused(
                WRONG_PURPOSE,
                f'identity {identity.name} may not sign for {what} "{shown}", only for {allowed}',
                f"{what}-not-allowed",
                hint=hint,
            )
