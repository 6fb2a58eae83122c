"""The licence texts of everything that an artefact holds, each text once, in one file."""

from __future__ import annotations

from collections.abc import Iterable

from components import Component

RULE = "=" * 100
GLIBC = """\
The plugin is a static program and so holds parts of the GNU C Library, which come under the GNU Lesser General Public
License, version 2.1 or later. The sources of this project and its `make plugin` link the program anew with another
version of that library.
"""


def render(artefact: str, components: Iterable[Component]) -> str:
    components = list(components)
    parts = [
        f"{artefact} holds the following work of others, under the licences that are given behind each, and whose\n"
        "texts follow.\n",
        "\n".join(f"{component.name} {component.version}: {component.licence}" for component in components) + "\n",
    ]
    if any(component.name == "glibc" for component in components):
        parts.append(GLIBC)
    for text, names in _by_text(components).items():
        parts.append(f"{RULE}\n{chr(10).join(names)}\n{RULE}\n\n{text}\n")
    return "\n".join(parts)


def _by_text(components: Iterable[Component]) -> dict[str, list[str]]:
    """Whose text each is. Texts that differ in their line breaks alone are one."""
    texts: dict[str, str] = {}
    owners: dict[str, list[str]] = {}
    for component in components:
        for text in component.texts:
            first = texts.setdefault(" ".join(text.split()), text)
            names = owners.setdefault(first, [])
            name = f"{component.name} {component.version}"
            if name not in names:
                names.append(name)
    return owners
