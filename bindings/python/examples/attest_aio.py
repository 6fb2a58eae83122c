"""Attest many agents at once with asyncio: attest_aio.py CONFIG PAYLOAD..., all files."""

import asyncio
import sys
from pathlib import Path

from psat_attestor import AttestorError, aio


async def attest(attestor: aio.Attestor, payload: Path) -> bool:
    try:
        attested = await attestor.attest(payload.read_bytes(), timeout=5, request_id=payload.name)
    except AttestorError as refused:
        print(f"{payload.name}: {refused}")
        return False
    print(f"{payload.name}: {attested.agent_attributes.spiffe_id}")
    return True


async def main(config: bytes, payloads: list[Path]) -> int:
    async with aio.Attestor(config) as attestor:
        accepted = await asyncio.gather(*(attest(attestor, payload) for payload in payloads))
    return int(not all(accepted))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: attest_aio.py CONFIG PAYLOAD...")
    sys.exit(asyncio.run(main(Path(sys.argv[1]).read_bytes(), [Path(name) for name in sys.argv[2:]])))
