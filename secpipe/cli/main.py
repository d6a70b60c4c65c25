"""The command line's root: commands by name, imported only when used, and the one map from errors to exit codes."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from secpipe.cli.lazy import LazyGroup, complain
from secpipe.core import errors
from secpipe.core.text import did_you_mean, printable
from secpipe.core.version import __version__

# name -> (module:attribute, one-line help): `--help` imports none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("secpipe.cli.check.command:check", "Judge a project before it is deployed: may this go out?"),
    "gate": ("secpipe.cli.gate:gate", "May I publish this? Yes or no, in plain words, for a folder or a ZIP."),
    "verdict": ("secpipe.cli.verdict.group:verdict", "Sign, verify, show, export and override verdicts."),
    "config": ("secpipe.cli.config.group:config", "Show options that your own file and environment set."),
    "doctor": ("secpipe.cli.doctor.command:doctor", "Say what works on this machine and what does not, and why."),
    "explain": ("secpipe.cli.explain:explain", "Say what a rule means, and how to mend what it finds."),
    "report": ("secpipe.cli.report.group:report", "Render a saved verdict in another format."),
    "sbom": ("secpipe.cli.sbom.group:sbom", "Make, validate, compare and query SBOMs and AI-BOMs."),
    "inventory": ("secpipe.cli.inventory:inventory", "Keep SBOMs of many releases and ask across them."),
    "sign": ("secpipe.cli.sign:sign", "Sign models and files with a hybrid key."),
    "verify": ("secpipe.cli.verify.command:verify", "Verify signatures against a trust root."),
    "attest": ("secpipe.cli.attest:attest", "Sign a statement about an artifact (provenance, test result, ...)."),
    "keys": ("secpipe.cli.keys.group:keys", "Make, list, rotate and revoke hybrid keys."),
    "trust": ("secpipe.cli.trust:trust", "Show, verify, pin and update the trust root."),
    "scan": (
        "secpipe.cli.scan.group:scan",
        "Scan models for code, code for unauthorised AI use, and what agents may do.",
    ),
    "agents": ("secpipe.cli.agents.group:agents", "Lock what agents may do, and say what a change allows."),
    "audit": ("secpipe.cli.audit.command:audit", "Find known vulnerabilities in dependencies, offline."),
    "advisories": ("secpipe.cli.audit.advisories:advisories", "Update and inspect the local advisory store."),
    "log": ("secpipe.cli.log.group:log", "Keep an append-only log, prove what stands in it, witness others."),
    "lineage": ("secpipe.cli.lineage.group:lineage", "Record what an asset was made from, and prove it in the bytes."),
    "guard": ("secpipe.cli.guard:guard", "Start a command only if a signed verdict lets the model folder out."),
    "serve": ("secpipe.cli.serve:serve", "Answer a cluster out of verified verdicts: may this image run?"),
    "monitor": ("secpipe.cli.monitor:monitor", "Judge again what is already out; name the rollback target."),
    "incident": ("secpipe.cli.incident:incident", "Put together the evidence for a notice about a release."),
    "due": ("secpipe.cli.due:due", "Say what falls due: policy, keys, data, verdicts and law."),
    "mcp": ("secpipe.cli.mcp.command:mcp", "Let an assistant ask the gate: four read-only tools over MCP (stdio)."),
    "hook": ("secpipe.cli.hook:hook", "Install, remove and run the pre-deploy git hook."),
    "init": ("secpipe.cli.init:init", "Write a starter policy and a CI step for a project."),
    "approve": ("secpipe.cli.approve:approve", "Approve an AI service, or an item of an agent, in a policy."),
    "accept": ("secpipe.cli.accept:accept", "Accept that something is not read, with an owner and a date."),
    "waive": ("secpipe.cli.waive:waive", "Waive a finding in a policy, with an owner and a date."),
    "policy": ("secpipe.cli.policy.group:policy", "Show, compare, check, test and pin policies."),
}


@click.command(
    cls=LazyGroup,
    table=COMMANDS,
    top=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 pass, 1 policy says no, 2 wrong usage, 3 could not decide.",
)
@click.version_option(__version__, prog_name="secpipe")
def root() -> None:
    """One verdict on an AI system before it is deployed."""


#: A command lives for seconds and leaves few cycles behind: looking for them often costs a tenth of its time.
COLLECT_AFTER = (50_000, 20, 20)


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 pass, 1 deny, 2 usage, 3 undecided or unexpected, 130 interrupted."""
    gc.set_threshold(*COLLECT_AFTER)
    if sys.stdout is None or sys.stderr is None:  # closed by whoever called
        from secpipe.system.outputs import stand_in

        stand_in()
    code = run(argv)
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # A full disk behind stdout: nothing was delivered, and the interpreter would end with 120 trying again.
        _close_stdout()
        code = code or errors.EXIT_UNDECIDED
    raise SystemExit(code)


def run(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        refuse_empty_words(sys.argv[1:] if argv is None else argv)
        result = root.main(args=argv, prog_name="secpipe", standalone_mode=False, default_map=_own_defaults())
        sys.stdout.flush()
    except errors.SecpipeError as error:
        complain(error.message, error.hint)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)  # our own help: no text of others
        return errors.EXIT_USAGE
    except click.NoSuchOption as error:
        command = error.ctx.command_path if error.ctx else "secpipe"
        known = [option for option in error.possibilities or () if option.startswith("--")]
        complain(
            f'no such option "{printable(error.option_name, 60)}"',
            did_you_mean(error.option_name, known) or f"{command} --help",
        )
        return errors.EXIT_USAGE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "secpipe"
        complain(_plain(error.format_message()), f"{command} --help")
        return errors.EXIT_USAGE
    except click.exceptions.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return errors.EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader is gone (click turns that into an exit with 1): whatever we concluded was not delivered.
        # Keep the interpreter from complaining at exit.
        _close_stdout()
        if "_SECPIPE_COMPLETE" not in os.environ:  # a prompt is being typed: click ends so when it has its words
            complain("stdout was closed before everything was written")
        return errors.EXIT_UNDECIDED
    except Exception as error:
        if os.environ.get("SECPIPE_TRACEBACK"):
            from traceback import format_exception

            from secpipe.system import outputs

            for line in "".join(format_exception(error)).splitlines():
                outputs.tell(line)
            return errors.EXIT_UNDECIDED
        complain(
            f"unexpected {type(error).__name__}: {printable(str(error), 300)}",
            "this is a defect in secpipe; SECPIPE_TRACEBACK=1 shows where",
        )
        return errors.EXIT_UNDECIDED
    return result if isinstance(result, int) else errors.EXIT_PASS


#: Variables that say where state lies; they set no option.
_STATE = {"SECPIPE_HOME", "SECPIPE_CACHE", "SECPIPE_LOG", "SECPIPE_TRACEBACK", "SECPIPE_LIBCRYPTO"}


def _own_defaults() -> dict[str, Any]:
    """Return what the user's own file and variables set; little is imported where there is neither."""
    from secpipe.system.settings_file import settings_file

    if not any(name.startswith("SECPIPE_") and name not in _STATE for name in os.environ) and not os.path.lexists(
        settings_file()
    ):
        return {}
    from secpipe.cli.config.settings import defaults

    return defaults()


def refuse_empty_words(argv: Sequence[str]) -> None:
    """Raise ConfigError for an empty word: a variable of a script or a CI step that is not set.

    To leave an option out means its default. To give it nothing is a question that was not asked as it was meant.
    """
    options = True
    for before, word in zip(("", *argv), argv, strict=False):
        options = options and before != "--"
        name, equals, value = word.partition("=")
        if options and equals and name.startswith("--") and not value.strip():
            _refuse(name)
        if not word.strip():
            _refuse(before if options and before.startswith("-") else "an argument")


def _refuse(what: str) -> NoReturn:
    raise errors.ConfigError(
        f"{printable(what, 60)} is given an empty word", hint="is a variable not set? To use the default, leave it out"
    )


def _close_stdout() -> None:
    """Send what is still buffered for stdout nowhere."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _plain(message: str) -> str:
    """Turn click's sentence into the house style: lower case, no full stop."""
    text = " ".join(message.split()).rstrip(".")
    return text[:1].lower() + text[1:]
