"""`secpipe keys`: make, list, rotate and revoke hybrid keys."""

from __future__ import annotations

import click

from secpipe.cli.lazy import LazyGroup

# name -> (module:attribute, one-line help)
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("secpipe.cli.keys.init:init", "Make a trust root, a keyring and your keys; asks for a passphrase only."),
    "list": ("secpipe.cli.keys.show:list_keys", "List identities and key versions with their state."),
    "show": ("secpipe.cli.keys.show:show", "Show one identity or one key version."),
    "due": ("secpipe.cli.keys.rotate:due", "Say which rotations are due; exit 1 where one is."),
    "rotate": ("secpipe.cli.keys.rotate:rotate", "Make the next key versions: --if-due is what a scheduler runs."),
    "merge": ("secpipe.cli.keys.rotate:merge", "Settle two rotations that were made on two branches."),
    "snapshot": ("secpipe.cli.keys.rotate:snapshot", "State that the keyring is the newest, for a short time."),
    "simulate": ("secpipe.cli.keys.simulate:simulate", "Print what will rotate, expire or break until a date."),
    "suspend": ("secpipe.cli.keys.rotate:suspend", "Take an identity's signing keys out of use now."),
    "reinstate": ("secpipe.cli.keys.emergency:reinstate", "Take back a suspension (root quorum)."),
    "revoke": ("secpipe.cli.keys.emergency:revoke", "Declare keys compromised since a time (root quorum)."),
    "replace": ("secpipe.cli.keys.emergency:replace", "Give an identity a new key: its old one is lost (root quorum)."),
    "renew": ("secpipe.cli.keys.emergency:renew", "Sign the keyring again to keep it fresh (root quorum)."),
    "time-authority": (
        "secpipe.cli.keys.emergency:time_authority",
        "Trust an RFC 3161 time stamp authority (root quorum).",
    ),
    "grandfather": ("secpipe.cli.keys.stamps:grandfather", "Let old artifacts count without a stamp (root quorum)."),
    "add-holder": ("secpipe.cli.keys.quorum:add_holder", "Join the root with keys of your own."),
    "remove-holder": ("secpipe.cli.keys.quorum:remove_holder", "Take a holder out of the root (root quorum)."),
    "add-identity": ("secpipe.cli.keys.identity:add_identity", "Add an identity (root quorum)."),
    "set-authority": ("secpipe.cli.keys.identity:set_authority", "Change what an identity may sign (root quorum)."),
    "sign-root": ("secpipe.cli.keys.quorum:sign_root", "Sign what waits in keys/pending."),
    "request": ("secpipe.cli.keys.quorum:request", "Write what waits into a file for a machine without a network."),
    "answer": ("secpipe.cli.keys.quorum:answer", "Show and sign such a file there."),
    "custody": ("secpipe.cli.keys.home:custody", "Show or set where an identity's private halves live."),
    "backup": ("secpipe.cli.keys.home:backup", "Write all private keys into one encrypted file."),
    "restore": ("secpipe.cli.keys.home:restore", "Put the private keys of a backup into $SECPIPE_HOME."),
    "schemes": ("secpipe.cli.keys.schemes:schemes", "List signature algorithms and the libraries behind them."),
    "export": ("secpipe.cli.keys.show:export", "Write a public key as PEM, JWK or cosign.pub."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def keys() -> None:
    """Make, list, rotate and revoke hybrid keys."""
