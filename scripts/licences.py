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


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def contained(target, options):
    """The packages that the program is linked with: what is used to build it, or to test it, is not. `cargo tree` knows which features
    are on; `cargo metadata` has those of the tests, too, and knows where the texts are."""
    tree = run("cargo", "tree", "--locked", "--target", target, *options, "--edges", "normal,no-proc-macro", "--prefix", "none",
               "--format", "{p}")
    linked = {tuple(line.split(" ")[:2]) for line in tree.splitlines() if line}
    metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target, *options))
    found = [package for package in metadata["packages"] if (package["name"], f"v{package['version']}") in linked]
    if len(found) != len(linked):
        raise SystemExit(f"licences.py: {len(linked)} packages are linked, found {len(found)}")
    return sorted(found, key=lambda package: (package["name"], package["version"]))


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
