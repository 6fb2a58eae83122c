"""The conformance runner's door to `psat_attestor.Attestor`.

The verb A attests in a thread, where the library's blocking call is used; Q attests in the main thread, which submits
and waits in slices. E explains in the main thread, which waits for another.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from protocol import CROWD, Reply, Request, reply_of, serve

from psat_attestor import Attestor, AttestorError


def attest(attestor: Attestor, request: Request) -> Reply:
    try:
        return Reply(0, attestor.attest(request.payload, options=request.options).document)
    except AttestorError as refused:
        return reply_of(refused)


def in_a_thread(request: Request) -> Reply:
    with Attestor(request.config) as attestor, ThreadPoolExecutor(1) as threads:
        return threads.submit(attest, attestor, request).result()


def explained(request: Request) -> Reply:
    with Attestor(request.config) as attestor:
        explanation = attestor.explain(request.payload, options=request.options)
        return Reply(explanation.code, explanation.document)


def in_the_main_thread(request: Request) -> Reply:
    with Attestor() as attestor:
        if request.config is not None:
            attestor.configure(request.config)
        return attest(attestor, request)


def in_a_crowd(request: Request) -> Reply:
    """The first to be answered counts; closing the attestor ends the others."""
    with ThreadPoolExecutor(CROWD) as threads, Attestor(request.config) as attestor:
        answers = [threads.submit(attest, attestor, request) for _ in range(CROWD)]
        return wait(answers, return_when=FIRST_COMPLETED).done.pop().result()


if __name__ == "__main__":
    serve({"A": in_a_thread, "E": explained, "Q": in_the_main_thread, "T": in_a_crowd})
