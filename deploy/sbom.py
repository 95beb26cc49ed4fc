#!/usr/bin/env python3
"""Writes the software bill of materials of slod, in CycloneDX 1.6 as JSON.

    deploy/sbom.py [--target x86_64-unknown-linux-gnu] > slod.cdx.json
    deploy/sbom.py --check

Lists all crates that are compiled into the program or its build scripts, with versions and checksums from Cargo.lock and
licenses from the crates, and the C libraries that crates bundle. Needs no network once the crates are fetched. The same
sources give the same bytes. `--check` checks the list for gaps instead of printing it.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SLASH = re.compile(r"\s*/\s*")


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", target]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(output.stdout)


def checksums():
    with open(os.path.join(ROOT, "Cargo.lock"), "rb") as file:
        locked = tomllib.load(file)["package"]
    return {(one["name"], one["version"]): one.get("checksum") for one in locked}


def needed(graph, root):
    """Maps each package that the root needs to its dependencies, without those of tests."""
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    found, waiting = {}, [root]
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        kinds = lambda one: any(kind["kind"] != "dev" for kind in one["dep_kinds"])
        found[package] = sorted(one["pkg"] for one in nodes[package]["deps"] if kinds(one))
        waiting += found[package]
    return found


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def component(package, checksum, kind="library"):
    made = {
        "type": kind,
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
        "scope": "required",
    }
    if package.get("description"):
        made["description"] = " ".join(package["description"].split())
    if package.get("license"):
        # Old crates write a slash for OR.
        made["licenses"] = [{"expression": SLASH.sub(" OR ", package["license"])}]
    if checksum:
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package.get("repository"):
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def bundled(package):
    """The C library that a crate bundles, or None."""
    if package["name"] == "libsqlite3-sys":
        header = os.path.join(os.path.dirname(package["manifest_path"]), "sqlite3", "sqlite3.h")
        with open(header) as file:
            version = re.search(r'#define SQLITE_VERSION\s+"([^"]+)"', file.read())[1]
        return c_library("sqlite", version, "blessing")
    if package["name"] == "zstd-sys":
        return c_library("zstd", package["version"].split("+zstd.")[1], "BSD-3-Clause OR GPL-2.0-only")
    return None


def c_library(name, version, license):
    reference = f"pkg:generic/{name}@{version}"
    licenses = [{"expression": license}]
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference, "licenses": licenses}


def document(target):
    graph, sums = metadata(target), checksums()
    packages = {package["id"]: package for package in graph["packages"]}
    root = graph["resolve"]["root"]
    found = needed(graph, root)
    components, dependencies = [], []
    for identity, needs in found.items():
        package = packages[identity]
        references = [purl(packages[one]) for one in needs]
        if identity != root:
            components.append(component(package, sums.get((package["name"], package["version"]))))
        library = bundled(package)
        if library:
            components.append(library)
            dependencies.append({"ref": library["bom-ref"]})
            references.append(library["bom-ref"])
        dependencies.append({"ref": purl(package), "dependsOn": sorted(references)})
    components.sort(key=lambda one: one["bom-ref"])
    dependencies.sort(key=lambda one: one["ref"])
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": component(packages[root], None, "application"),
            "properties": [{"name": "slod:target", "value": target}],
        },
        "components": components,
        "dependencies": dependencies,
    }
    # Derived from the content instead of random, so that builds are reproducible.
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(made, sort_keys=True))
    return {**made, "serialNumber": f"urn:uuid:{serial}"}


def faults(made):
    """Yields what is missing or inconsistent."""
    known = {one["bom-ref"] for one in made["components"]} | {made["metadata"]["component"]["bom-ref"]}
    if len(known) != len(made["components"]) + 1:
        yield "a component is listed twice"
    for one in made["components"]:
        if not one.get("licenses"):
            yield f"{one['bom-ref']} has no license"
        is_own = one["name"].startswith("slod-")
        if one["purl"].startswith("pkg:cargo/") and not is_own and not one.get("hashes"):
            yield f"{one['bom-ref']} has no checksum in Cargo.lock"
    for one in made["dependencies"]:
        for reference in [one["ref"], *one.get("dependsOn", [])]:
            if reference not in known:
                yield f"{reference} is not a component"
    for name in ["sqlite", "zstd", "rustls", "tokio"]:
        if not any(one["name"] == name for one in made["components"]):
            yield f"{name} is not listed"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--target", default="x86_64-unknown-linux-gnu")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    made = document(arguments.target)
    found = list(faults(made))
    for fault in found:
        print(fault, file=sys.stderr)
    if arguments.check:
        print(f"{len(made['components'])} components")
    else:
        json.dump(made, sys.stdout, indent=2, ensure_ascii=False)
        print()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
