"""What the fuzz targets begin with: the cases of tests/conformance and tests/clientgo, and what no case has."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONFORMANCE = ROOT / "tests" / "conformance"
CLIENTGO = ROOT / "tests" / "clientgo" / "cases"

# What a secret is made long with: a word may stand anywhere, and is not looked for.
TAIL = "-0123456789abcdef"

HEADER = '{"alg":"ES256","kid":"a"}'
WORD = re.compile(rb'"([^"\\\x00-\x1f]{1,64})"|([A-Za-z-]{3,32}):')


def read(path: Path) -> Any:
    return json.loads(path.read_text())


BASE = read(CONFORMANCE / "base.json")


def patched(value: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), change)
    return result


def text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def claims() -> dict[str, Any]:
    pod, node = BASE["world"]["pods"][0]["metadata"], BASE["world"]["nodes"][0]["metadata"]
    account = {"name": "spire-agent", "uid": "account-uid-1"}
    bound = {"namespace": "spire", "serviceaccount": account}
    bound |= {kind: {"name": one["name"], "uid": one["uid"]} for kind, one in (("pod", pod), ("node", node))}
    subject = "system:serviceaccount:spire:spire-agent"
    return {"sub": subject, "aud": ["spire-server"], "exp": 1_800_000_000, "kubernetes.io": bound}


def token() -> str:
    parts = [HEADER.encode(), text(claims()), bytes(64)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def filled(value: bytes) -> bytes:
    """A case's text with its placeholders filled in, as far as a target needs them."""
    names = {"${token}": token(), "${kubeconfig}": "kubeconfig", "${dir}": "dir", "${server}": "https://127.0.0.1"}
    for name, filling in names.items():
        value = value.replace(name.encode(), filling.encode())
    return value


def conformance() -> Iterator[dict[str, Any]]:
    """Every case, with its file's defaults beneath."""
    for path in sorted(CONFORMANCE.glob("*.json")):
        file = read(path)
        for case in file.get("cases", []):
            yield {**file.get("defaults", {}), **case}


def payloads() -> Iterator[bytes]:
    for case in conformance():
        match case.get("payload"):
            case str(words):
                yield words.encode()
            case {"json": value}:
                yield text(value)
            case {"base64": encoded}:
                yield base64.b64decode(encoded)
            case {"padded": {"text": words}}:
                yield words.encode()


def configurations() -> Iterator[bytes]:
    for case in conformance():
        for key in ("config_text", "validate_text"):
            if isinstance(case.get(key), str):
                yield case[key].encode()
        for key in ("config", "upstream_config", "validate"):
            if key in case:
                yield text(patched(BASE["config"], case[key]))
    engine = {"engine": {"worker_threads": 2, "attest_timeout_ms": 5000, "max_queued_bytes": 65536}}
    cluster = {
        "verify_signature": "off",
        "call_timeout_ms": 1000,
        "max_in_flight": 8,
        "max_queued": 0,
        "secret": "marker-secret",
    }
    yield text(patched(BASE["config"], {**engine, "clusters": {"demo": cluster}}))


def answers() -> Iterator[bytes]:
    """Settings, TokenReview, pod and node; settings are those of fuzz/targets/answers.rs."""
    said = claims()["kubernetes.io"]
    extra = {f"{kind}-{fact}": [said[kind][fact]] for kind in ("pod", "node") for fact in ("name", "uid")}
    user = {
        "username": claims()["sub"],
        "groups": ["system:serviceaccounts", "system:serviceaccounts:spire"],
        "extra": {f"authentication.kubernetes.io/{key}": value for key, value in extra.items()},
    }
    status = {"authenticated": True, "audiences": ["spire-server"], "user": user}
    settings = 0
    for case in conformance():
        if not {"review", "pod", "node", "world"} & case.keys():
            continue
        world = case.get("world", {})
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "status": patched(status, case.get("review", {})),
        }
        pod = patched(BASE["world"]["pods"][0], case.get("pod", {}))
        node = patched(BASE["world"]["nodes"][0], case.get("node", {}))
        bodies = {"token_review": text(review), "pod": text(pod), "node": text(node)}
        for name, scripted in world.get("answers", {}).items():
            if name in bodies and isinstance(scripted[0], dict):
                bodies[name] = body(scripted[0])
        yield bytes([settings]) + b"\0".join(bodies.values())
        settings = (settings + 5) % 32


def body(answer: dict[str, Any]) -> bytes:
    if answer.get("status", 200) != 200:
        return b"!" + str(answer["status"] % 10).encode()
    value = answer.get("body", "")
    return value.encode() if isinstance(value, str) else text(value)


def tokens() -> Iterator[bytes]:
    """Who signs and what is spoilt, header, and claims; see fuzz/targets/jws.rs."""
    whole = text(claims())
    signed = [(0, "ES256", "a"), (1, "ES256", ""), (2, "ES384", "b"), (3, "RS256", "c"), (4, "ES256", "a")]
    for how, alg, kid in signed:
        for spoilt in range(4):
            header = text({"alg": alg, "kid": kid, "typ": "JWT"})
            yield bytes([how | spoilt << 3, 200]) + header + b"\n" + whole
    strange = ['{"alg":"none"}', '{"alg":"ES256","crit":["b64"],"b64":false}', '{"alg":"HS256","alg":"ES256"}']
    for words in strange:
        yield bytes([0, 0]) + words.encode() + b"\n" + whole
    for change in ({"exp": 1}, {"aud": "other"}, {"kubernetes.io": {"pod": None}}, {"kubernetes.io": {"node": None}}):
        yield bytes([0, 0]) + HEADER.encode() + b"\n" + text(patched(claims(), change))
    yield bytes([7, 0]) + token().encode()


def key_sets() -> Iterator[bytes]:
    keys = read(ROOT / "fuzz" / "keys.json")["keys"]
    changes: list[dict[str, Any]] = [
        {"use": None, "key_ops": ["verify"], "alg": None},
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"alg": "PS256"},
        {"crv": "P-256K"},
        {"x": "AA", "n": "AQAB"},
        {"kty": "oct", "k": "AA"},
    ]
    yield text({"issuer": 1, "keys": [*keys, None]})
    for key in keys:
        yield text({"keys": [key]})
        for change in changes:
            yield text({"keys": [patched(key, change), keys[0]]})


def kubeconfigs() -> Iterator[bytes]:
    for path in sorted(CLIENTGO.glob("*.json")):
        for case in read(path).get("cases", []):
            if "kubeconfig" in case:
                yield "\n".join(case["kubeconfig"]).encode()
                continue
            cluster = {"server": "https://api.example:6443", **case.get("cluster", {})}
            user = case.get("user", {})
            longer = {key: user[key] + TAIL for key in ("token", "password") if user.get(key)}
            for one in (user, {**user, **longer}):
                yield kubeconfig(cluster, one)


def kubeconfig(cluster: dict[str, Any], user: dict[str, Any]) -> bytes:
    context = {"name": "c", "context": {"cluster": "k", "user": "u"}}
    clusters, users = [{"name": "k", "cluster": cluster}], [{"name": "u", "user": user}]
    return text({"current-context": "c", "contexts": [context], "clusters": clusters, "users": users})


def sequences() -> Iterator[bytes]:
    """The server's moods, and calls; see fuzz/targets/abi.rs."""
    new, configure, attest, explain, submit, after, cancel = 0, 1, 2, 3, 4, 7, 8
    check, stats, events, shutdown, queue, close, free = 9, 10, 11, 12, 13, 14, 15
    make = [new, 0, 0, queue, 0]
    good = [0, 200]
    yield bytes([0, 0, *make, attest, 0, *good, explain, 0, *good, check, 0, 200, stats, 0])
    yield bytes([0, 0, *make, submit, 0, *good, submit, 0, *good, after, 28, cancel, 0, 0, after, 28])
    yield bytes([0, 0, *make, events, 0, 5, submit, 0, *good, close, 4, after, 28, shutdown, 0, free, 4])
    yield bytes([0, 0, *make, submit, 0, *good, free, 0, queue, 0, submit, 0, *good, shutdown, 4, stats, 0])
    yield bytes([0, 0, new, 0, 2, attest, 0, *good, configure, 0, 0, attest, 0, *good, configure, 0, 5])
    for mood in range(8, 16):
        moods = [mood | mood << 4] * 2
        yield bytes([*moods, *make, attest, 0, *good, submit, 0, *good, explain, 0, *good, check, 0, 200, after, 28])


SEEDS = {
    "payload": payloads,
    "config": configurations,
    "jws": tokens,
    "jwks": key_sets,
    "answers": answers,
    "kubeconfig": kubeconfigs,
    "abi": sequences,
}


def write(target: str, folder: Path, dictionary: Path) -> None:
    """Writes a target's seeds, and the words in them that may be of use elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    words: set[bytes] = set()
    for number, seed in enumerate(SEEDS[target]()):
        seed = filled(seed)
        (folder / f"{number:04}").write_bytes(seed)
        if target != "abi":
            words |= {one or other for one, other in WORD.findall(seed)}
    lines = (b'"' + b"".join(quoted(byte) for byte in word) + b'"\n' for word in sorted(words))
    dictionary.write_bytes(b"".join(lines))


def quoted(byte: int) -> bytes:
    plain = 0x20 <= byte < 0x7F and byte not in b'"\\'
    return bytes([byte]) if plain else b"\\x%02x" % byte
