"""Attest one payload: attest.py CONFIG PAYLOAD, both files."""

import sys
from pathlib import Path

from psat_attestor import Attestor, AttestorError, ConfigInvalidError


def main(config: bytes, payload: bytes) -> int:
    try:
        with Attestor(config) as attestor:
            attested = attestor.attest(payload, timeout=5)
    except ConfigInvalidError as invalid:
        for note in invalid.notes:
            print(note, file=sys.stderr)
        return 2
    except AttestorError as refused:
        print(refused)  # Reason and message: what the agent may be told.
        print("for the operator:", refused.detail)
        return 1
    print(attested.agent_attributes.spiffe_id)
    print(attested.agent_attributes.selector_values)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: attest.py CONFIG PAYLOAD")
    sys.exit(main(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_bytes()))
