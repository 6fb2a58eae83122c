"""What a caller gives, as the bytes that the library takes. None is the NULL pointer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Union

Config = Union[Mapping[str, Any], str, bytes, None]
"""A configuration: what docs/configuration.md describes, or its JSON text. None is none yet."""

Payload = Union[bytes, bytearray, memoryview, None]
"""What the agent sent, byte by byte. None stands for nothing."""

# No agent waits for longer, and no clock of the library runs over.
_LONGEST_S = 24 * 60 * 60


def config_of(config: Config) -> bytes | None:
    if config is None or isinstance(config, bytes):
        return config
    if isinstance(config, str):
        return config.encode()
    if isinstance(config, Mapping):
        return json.dumps(config).encode()
    raise TypeError(f"config: a mapping, or JSON as str or bytes is wanted, not {type(config).__name__}")


def engine_alone(config: bytes | None) -> tuple[bytes | None, bool]:
    """The part that makes an attestor without clusters, and whether there is more to configure it with."""
    if not config:
        return config, False
    try:
        members = json.loads(config)
    except ValueError:
        return None, True
    if not isinstance(members, dict) or "engine" not in members:
        return None, True
    return json.dumps({"engine": members["engine"]}).encode(), len(members) > 1


def payload_of(payload: Payload) -> bytes | None:
    if payload is None or isinstance(payload, bytes):
        return payload
    if isinstance(payload, (bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"payload: the bytes that the agent sent are wanted, not {type(payload).__name__}")


def options_of(timeout: float | None, raw: bytes | None, **names: str | None) -> bytes | None:
    """The options of an attestation: `raw` as it is, or what is given of the others."""
    members: dict[str, Any] = {name: text for name, text in names.items() if text is not None}
    if timeout is not None:
        members["timeout_ms"] = _milliseconds(timeout)
    if raw is None:
        return json.dumps(members).encode() if members else None
    if members:
        raise ValueError(f"options: they are handed on as they are, and so leave no room for {', '.join(members)}")
    return raw


def check_options_of(timeout: float | None, clusters: Iterable[str] | None) -> bytes | None:
    members: dict[str, Any] = {}
    if timeout is not None:
        members["timeout_ms"] = _milliseconds(timeout)
    if clusters is not None:
        if isinstance(clusters, str):
            raise TypeError("clusters: a list of names is wanted, not one str")
        members["clusters"] = list(clusters)
    return json.dumps(members).encode() if members else None


def _milliseconds(timeout: float) -> int:
    """Rounded up, so that the library's clock never runs out before the caller's. What has passed already is 0."""
    if math.isnan(timeout):
        raise ValueError("timeout: a number of seconds is wanted, not NaN")
    return math.ceil(min(max(timeout, 0), _LONGEST_S) * 1000)
