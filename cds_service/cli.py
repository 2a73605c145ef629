"""The command `cds`. A table of commands; each one's module is imported when it is called, so that help is quick.

Errors on purpose become one line on standard error; a user never sees a trace.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from cds_service.errors import CdsError, ContentError, SettingsError

COMMANDS = {
    "serve": ("serving", "the service, for registered clients or for this machine"),
    "demo": ("serving", "the service with synthetic patients and a FHIR server that serves them"),
    "check": ("content", "looks through the content: file, line, what is wrong, how to mend it"),
    "test": ("content", "runs the rules' own cases"),
    "rules": ("content", "the rules, their versions and where they speak"),
    "show": ("names", "a definition, parameter, value set, order or rule in words"),
    "where": ("names", "every place that names it"),
    "rename": ("names", "renames a definition everywhere"),
    "new": ("authoring", "a new rule with all it needs"),
    "explain": ("charts", "every rule's whole tree for one patient"),
    "validate": ("charts", "what in a hook request, Bundle or resource is not valid R4"),
    "replay": ("charts", "what the rules would have said of a population"),
    "docs": ("publishing", "writes the handbook and the editors' schemas anew"),
    "lock": ("publishing", "holds the meaning of every rule to its version"),
    "diff": ("publishing", "what changed between two contents, in words"),
    "feedback": ("ledger", "what became of the cards: report and export"),
    "ledger": ("ledger", "the database of what was shown and answered: care and deletion"),
}
HELP = ("-h", "--help", "help")
FAILED = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives the exit code: 0, 1 for findings, 2 for an error."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given and given[0] not in (*COMMANDS, *HELP):
        near = difflib.get_close_matches(given[0], COMMANDS, n=1)
        print(f"cds: there is no command {given[0]}" + (f"; did you mean {near[0]}?" if near else ""), file=sys.stderr)
        return FAILED
    try:
        return _run(given)
    except (CdsError, ContentError, SettingsError) as error:
        print(f"cds {given[0]}: {error}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that nothing complains while it closes
        return 0
    except OSError as error:
        print(f"cds {given[0]}: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return FAILED


def _run(given: list[str]) -> int:
    if not given or given[0] in HELP:
        print(overview(), flush=True)
        return 0 if given else FAILED
    module = importlib.import_module(f"cds_service.commands.{COMMANDS[given[0]][0]}")
    parser = argparse.ArgumentParser(prog="cds", allow_abbrev=False)
    module.add(parser.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    args = parser.parse_args(given)
    code: int = args.run(args)
    sys.stdout.flush()
    return code


def overview() -> str:
    """Every command with its meaning."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {meaning}" for name, (_, meaning) in COMMANDS.items()]
    return "\n".join(["usage: cds COMMAND [...]", "", *lines, "", "`cds COMMAND --help` tells more."])


if __name__ == "__main__":
    sys.exit(main())
