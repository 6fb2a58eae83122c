"""Validate, attest, explain and check from the command line. JSON in, JSON out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from psat_attestor import Attestor, AttestorError, LibraryError, validate, version

OK, NO, USAGE, INTERRUPTED = 0, 1, 2, 130

DESCRIPTION = """\
Server side of SPIRE's k8s_psat node attestation. Reads a JSON configuration (docs/configuration.md
describes it) and prints one JSON document (docs/abi.md describes them).
"""

EPILOG = """\
files
  CONFIG, PAYLOAD and TOKEN are files, or - for stdin, which one of them can be. A token is a credential:
  it is never given on the command line itself, and never printed.

exit codes
  0    ok: valid, attested, usable
  1    no: the configuration is invalid, the agent is refused, a cluster cannot be used
  2    usage: wrong arguments, a file that cannot be read, no shared library
  130  Ctrl-C

examples
  python -m psat_attestor validate config.json
  python -m psat_attestor check config.json --cluster demo
  python -m psat_attestor explain config.json payload.json
  python -m psat_attestor attest config.json --token /var/run/secrets/tokens/spire-agent --cluster demo
  kubectl exec -n spire agent-1 -- cat /var/run/secrets/tokens/spire-agent |
      python -m psat_attestor explain config.json --token - --cluster demo

environment
  PSAT_ATTESTOR_LIBRARY  path of libpsat_attestor.so.1; absent, the one of the wheel or of the system
"""


class Unusable(Exception):
    """The arguments are of no use. The text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        document, fine = given.run(given)
    except AttestorError as refused:
        document, fine = refused.document or _spelled_out(refused), False
    except (Unusable, LibraryError) as error:
        print(f"psat_attestor: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    print(json.dumps(json.loads(document), indent=2))
    return OK if fine else NO


def _validate(given: argparse.Namespace) -> tuple[bytes, bool]:
    validation = validate(_read("CONFIG", given.config))
    return validation.document, validation.valid


def _attest(given: argparse.Namespace) -> tuple[bytes, bool]:
    config, payload = _inputs(given)
    with Attestor(config) as attestor:
        return attestor.attest(payload, timeout=given.timeout, peer=given.peer).document, True


def _explain(given: argparse.Namespace) -> tuple[bytes, bool]:
    config, payload = _inputs(given)
    with Attestor(config) as attestor:
        explanation = attestor.explain(payload, timeout=given.timeout, peer=given.peer)
        return explanation.document, explanation.accepted


def _check(given: argparse.Namespace) -> tuple[bytes, bool]:
    with Attestor(_read("CONFIG", given.config)) as attestor:
        report = attestor.check(given.cluster, timeout=given.timeout)
        return report.document, report.usable


def _inputs(given: argparse.Namespace) -> tuple[bytes, bytes]:
    if (given.payload is None) == (given.token is None):
        raise Unusable("give either PAYLOAD, or --token TOKEN with --cluster NAME")
    if (given.token is None) != (given.cluster is None):
        raise Unusable("--token TOKEN and --cluster NAME go together; a PAYLOAD names its cluster itself")
    if [given.config, given.payload, given.token].count("-") > 1:
        raise Unusable("stdin (-) can be one of CONFIG, PAYLOAD and TOKEN alone")
    config = _read("CONFIG", given.config)
    if given.token is None:
        return config, _read("PAYLOAD", given.payload)
    try:
        token = _read("TOKEN", given.token).decode().strip()
    except UnicodeDecodeError:
        raise Unusable("TOKEN is no text") from None
    return config, json.dumps({"cluster": given.cluster, "token": token}).encode()


def _read(what: str, name: str) -> bytes:
    """What the name is, is not repeated: a payload or token may have been given in place of its file."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file has such a name"
        raise Unusable(f"{what} cannot be read: {reason}. It is the name of a file, or - for stdin") from None


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return seconds


def _spelled_out(refused: AttestorError) -> bytes:
    return json.dumps({"code": refused.code, "reason": refused.reason, "message": refused.message}).encode()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m psat_attestor",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, help="print the library's version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], tuple[bytes, bool]], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.set_defaults(run=run)
        added.add_argument("config", metavar="CONFIG", help="the configuration, or - for stdin")
        return added

    command("validate", _validate, "tell all that is to be said about a configuration, without network")
    for name, run, text in (
        ("attest", _attest, "judge what an agent sent, and print who it is or why it is refused"),
        ("explain", _explain, "judge as attest does, and print every check with its outcome and remedy"),
    ):
        attesting = command(name, run, text)
        attesting.add_argument("payload", metavar="PAYLOAD", nargs="?", help="what the agent sent, or - for stdin")
        attesting.add_argument("--token", metavar="TOKEN", help="a file with the agent's token, or - for stdin")
        attesting.add_argument("--cluster", metavar="NAME", help="the cluster of --token")
        attesting.add_argument("--peer", metavar="ADDRESS", help="the agent's address, echoed in diagnostics")
        attesting.add_argument(
            "--timeout", metavar="SECONDS", type=_seconds, help="default: attest_timeout_ms of CONFIG"
        )
    checking = command("check", _check, "look whether clusters can be used, and print each step with its remedy")
    checking.add_argument("--cluster", metavar="NAME", action="append", help="this one; may be repeated. Default: all")
    checking.add_argument("--timeout", metavar="SECONDS", type=_seconds, help="for all of it")
    return parser


class _Version(argparse.Action):
    """The library is loaded only when its version is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        try:
            parser.exit(OK, f"psat_attestor {version()}\n")
        except LibraryError as error:
            parser.exit(USAGE, f"psat_attestor: {error}\n")


if __name__ == "__main__":
    sys.exit(main())
