"""Hold a bill of materials against CycloneDX's own schema: `target/dist-tools/bin/python validate_sbom.py FILE`."""

# The tools of `make lint` do not have this library.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(Path(sys.argv[1]).read_text())
if fault is not None:
    sys.exit(f"{sys.argv[1]} is not CycloneDX 1.6: {fault}")
