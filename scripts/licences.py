#!/usr/bin/env python3
"""Prints the licences of carnet and of every crate that the program contains, with their texts.

  licences.py TARGET [NOTE [OPTION…]]

TARGET is the platform. NOTE is a paragraph that is printed after the first. OPTION are those of cargo for features. Each text is
printed once.
"""

import json
import pathlib
import re
import subprocess
import sys

NAMES = re.compile(r"(licen[cs]e|copying|notice|copyright|unlicense)", re.IGNORECASE)


def contained(target, options):
    """The packages that the program is linked with: what is used to build it, or to test it, is not."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target, *options]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    found, left = set(), [metadata["resolve"]["root"]]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        is_macro = any("proc-macro" in part["kind"] for part in packages[name]["targets"])
        if is_macro:
            continue
        for dependency in nodes[name]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    return sorted((packages[name] for name in found), key=lambda each: (each["name"], each["version"]))


def texts(package):
    folder = pathlib.Path(package["manifest_path"]).parent
    for file in sorted(folder.iterdir()):
        if file.is_file() and NAMES.match(file.name):
            yield file.name, file.read_text(errors="replace").strip()


def main(target, note="", *options):
    packages = contained(target, options)
    own = next(package for package in packages if package["name"] == "carnet")
    print(f"carnet {own['version']} is licensed under {own['license']}.")
    if note:
        print(f"\n{note}")
    print("\nThe program contains these crates:\n")
    seen, bodies = {}, []
    for package in packages:
        numbers = []
        for name, text in texts(package):
            if text not in seen:
                seen[text] = len(seen) + 1
                bodies.append((seen[text], name, package, text))
            numbers.append(seen[text])
        licence = package["license"] or "see the text"
        shown = ", ".join(str(number) for number in numbers)
        print(f"{package['name']} {package['version']}: {licence}" + (f" (texts: {shown})" if shown else ""))
    for number, name, package, text in bodies:
        print(f"\n{'=' * 78}\nText {number}: {name} of {package['name']} {package['version']}\n{'=' * 78}\n\n{text}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
