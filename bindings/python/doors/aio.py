"""The conformance runner's door to `psat_attestor.aio.Attestor`.

There is one way to attest. The verbs A and Q differ in when the attestor is configured, and in what a refused
submission looks like.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from protocol import CROWD, Reply, Request, reply_of, serve, spelled_out

from psat_attestor import AttestorError
from psat_attestor.aio import Attestor


async def attest(attestor: Attestor, request: Request) -> Reply:
    return Reply(0, (await attestor.attest(request.payload, options=request.options)).document)


async def once(request: Request) -> Reply:
    async with Attestor(request.config) as attestor:
        try:
            return await attest(attestor, request)
        except AttestorError as refused:
            return spelled_out(refused)


async def explained(request: Request) -> Reply:
    async with Attestor(request.config) as attestor:
        explanation = await attestor.explain(request.payload, options=request.options)
        return Reply(explanation.code, explanation.document)


async def configured_later(request: Request) -> Reply:
    async with Attestor() as attestor:
        if request.config is not None:
            await attestor.configure(request.config)
        return await attest(attestor, request)


async def in_a_crowd(request: Request) -> Reply:
    """The first to be answered counts; the others are cancelled."""
    async with Attestor(request.config) as attestor:
        tasks = [asyncio.ensure_future(attest(attestor, request)) for _ in range(CROWD)]
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        first, *_ = await asyncio.gather(*done, *others, return_exceptions=True)
        if isinstance(first, AttestorError):
            return reply_of(first)
        if isinstance(first, BaseException):
            raise first
        return first


# One loop for all, as a server has. It takes a new attestor each time, and is to have none of them left.
loop = asyncio.new_event_loop()


def on_the_loop(ask: Callable[[Request], Coroutine[Any, Any, Reply]]) -> Callable[[Request], Reply]:
    return lambda request: loop.run_until_complete(ask(request))


if __name__ == "__main__":
    asked = {"A": once, "E": explained, "Q": configured_later, "T": in_a_crowd}
    serve({verb: on_the_loop(ask) for verb, ask in asked.items()})
    loop.close()
