"""Lists what a package of the functions and the console contain: a CycloneDX bill of materials, and the licences.

Both are read from the zip itself, which has the metadata and the licence texts of each distribution in it. Chalice puts
its runtime into the zip without them, so they come from the Chalice that is installed here. Vite writes the packages
in the console's bundle into a file beside it.

Source: https://cyclonedx.org/docs/1.6/json/
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from importlib.metadata import distribution
from pathlib import PurePosixPath
from typing import Any

from packager.lock import normalised

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_LICENCE_FILE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE)\b.*", re.IGNORECASE)
_NAME_MAX_CHARACTERS = 100  # some distributions put the whole text of their licence into this field
_RULE = "=" * 80


@dataclass(frozen=True)
class Component:
    """A distribution in the zip, or an npm package in the console.

    Attributes:
        name: Its normalized name.
        version: Its version.
        licence: Its licence as an SPDX expression or, if it declares none, by name; empty if it declares neither.
        is_spdx: Whether `licence` is an SPDX expression.
        texts: The texts of its licence and notice files.
        registry: Where it comes from, as package URLs name it.
    """

    name: str
    version: str
    licence: str
    is_spdx: bool
    texts: tuple[str, ...]
    registry: str = "pypi"

    @property
    def purl(self) -> str:
        """Its package URL, which identifies it across tools."""
        return f"pkg:{self.registry}/{self.name.replace('@', '%40')}@{self.version}"


def components_of(package: bytes) -> list[Component]:
    """Return the distributions in a zip of the functions, by name."""
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        found = list(_distributions(opened))
    return sorted(found, key=lambda component: component.name)


def components_of_console(listed: bytes) -> list[Component]:
    """Return the packages in the console's bundle, by name, given the list that Vite has written."""
    found = [
        Component(each["name"], each["version"], each["identifier"], True, (each.get("text", ""),), "npm")
        for each in json.loads(listed)
    ]
    return sorted(found, key=lambda component: component.name)


def bill_of_materials(
    package: bytes, components: list[Component], console: list[Component], *, version: str, commit: str
) -> dict[str, Any]:
    """Return the bill of materials of a zip of the functions and of the console, in CycloneDX's JSON format.

    Args:
        package: The zip.
        components: What it contains.
        console: What the console contains.
        version: The version of Runcast.
        commit: The commit of the sources.
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "runcast",
                "name": "runcast",
                "version": f"{version}+{commit}",
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": [
            {
                "type": "file",
                "bom-ref": "terraform/deployment.zip",
                "name": "terraform/deployment.zip",
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(package).hexdigest()}],
                "components": [_as_json(component) for component in components],
            },
            {
                "type": "application",
                "bom-ref": "console",
                "name": "console",
                "components": [_as_json(component) for component in console],
            },
        ],
    }


def licences_of(components: list[Component], console: list[Component]) -> str:
    """Return the licences of all components with their texts, for people."""
    listed = []
    for place, contained in (("terraform/deployment.zip", components), ("console/", console)):
        parts = [f"{each.name} {each.version}: {each.licence or 'no licence declared'}" for each in contained]
        listed += [f"{place} contains these packages:", "", *parts, ""]
    for each in (*components, *console):
        for text in each.texts:
            listed += [_RULE, f"{each.name} {each.version}", _RULE, "", text.strip(), ""]
    return "\n".join(listed)


def _distributions(package: zipfile.ZipFile) -> Iterator[Component]:
    names = package.namelist()
    for name in names:
        if _METADATA.fullmatch(name):
            folder = name.removesuffix("METADATA")
            licences = [each for each in names if each.startswith(folder) and _is_licence(each)]
            texts = tuple(package.read(each).decode(errors="replace") for each in licences)
            yield _component(HeaderParser().parsestr(package.read(name).decode()), texts)
    if "chalice/app.py" in names:
        chalice = distribution("chalice")
        licences_here = [file for file in chalice.files or () if _is_licence(str(file))]
        yield _component(
            HeaderParser().parsestr(str(chalice.read_text("METADATA"))),
            tuple(file.read_text(encoding="utf-8") for file in licences_here),
        )


def _is_licence(name: str) -> bool:
    return ".dist-info/" in name and _LICENCE_FILE.fullmatch(PurePosixPath(name).name) is not None


def _component(metadata: Message, texts: tuple[str, ...]) -> Component:
    name, version = normalised(metadata["Name"]), metadata["Version"]
    if expression := metadata["License-Expression"]:
        return Component(name, version, expression, True, texts)
    classified = [
        each.rpartition(" :: ")[2]
        for each in metadata.get_all("Classifier", [])
        if each.startswith("License :: OSI Approved :: ")
    ]
    licence = metadata["License"] or ""
    if len(classified) > 1 or (classified and not 0 < len(licence) <= _NAME_MAX_CHARACTERS):
        licence = ", ".join(classified)
    return Component(name, version, licence, False, texts)


def _as_json(component: Component) -> dict[str, Any]:
    licence = {"expression": component.licence} if component.is_spdx else {"license": {"name": component.licence}}
    return {
        "type": "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
        **({"licenses": [licence]} if component.licence else {}),
    }
