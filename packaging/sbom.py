"""A bill of materials: what an artefact holds, as CycloneDX 1.6 in JSON."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import project
from components import Component, Inventory

LICENCE = "Apache-2.0"


def render(name: str, kind: str, inventory: Inventory) -> str:
    """`kind` is `library` or `application`."""
    own = f"pkg:generic/{name}@{project.version()}"
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(project.commit_time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": kind,
                "bom-ref": own,
                "name": name,
                "version": project.version(),
                "purl": own,
                "licenses": [{"expression": LICENCE}],
            },
        },
        "components": [_component(component) for component in inventory.components],
        "dependencies": [
            {"ref": own, "dependsOn": sorted(inventory.direct)},
            *({"ref": part.purl, "dependsOn": sorted(part.needs)} for part in inventory.components),
        ],
    }
    # The same contents have the same number, so that two builds of one release agree.
    contents = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))
    return json.dumps({**document, "serialNumber": f"urn:uuid:{contents}"}, indent=2) + "\n"


def _component(component: Component) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
        "licenses": [{"expression": component.licence}],
    }
    if component.sha256:
        entry["hashes"] = [{"alg": "SHA-256", "content": component.sha256}]
    return entry
