#!/usr/bin/env python3
"""Lists the public items of the library, and finds those that name hidden ones.

  public-items.py [--list]

Reads what rustdoc writes about the crate. An item that is shown must not name a type or a trait of carnet that is hidden: nobody
could learn what it is. With --list, prints each item with its path. The status is 1 if a name is hidden.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def described():
    """The JSON of rustdoc. The option is not stable yet, and only rustdoc may see the variable that allows it: crates that look at
    it would be built again."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    with tempfile.TemporaryDirectory() as folder:
        rustdoc = pathlib.Path(folder, "rustdoc")
        rustdoc.write_text('#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n')
        rustdoc.chmod(0o755)
        command = ["cargo", "rustdoc", "--locked", "--quiet", "--lib", "--features", "rego,pkcs11"]
        command += ["--", "-Z", "unstable-options", "--output-format", "json", "--document-hidden-items"]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "RUSTDOC": str(rustdoc)})
    return json.loads((target / "doc/carnet.json").read_text())


def is_hidden(item):
    return any("hidden" in str(attribute) for attribute in item["attrs"])


def named(value):
    """The ids of types and traits that a part of an item names."""
    if isinstance(value, dict):
        if "id" in value and "path" in value:
            yield value["id"], value["path"]
        for part in value.values():
            yield from named(part)
    elif isinstance(value, list):
        for part in value:
            yield from named(part)


class Items:
    """What is shown, found by following public paths from the root."""

    def __init__(self, crate):
        self.index, self.paths = crate["index"], crate["paths"]
        self.shown, self.says = {}, []
        self.visit(crate["root"], [])

    def visit(self, item_id, path, is_renamed=False):
        item = self.index.get(str(item_id))
        if item is None or str(item_id) in self.shown or is_hidden(item):
            return
        # Variants, and what traits have, are as public as these.
        if item["visibility"] not in ("public", "default"):
            return
        kind, inner = next(iter(item["inner"].items()))
        if kind == "use":
            if not inner["is_glob"]:
                self.visit(inner["id"], [*path, inner["name"]], is_renamed=True)
            return
        here = path if is_renamed or item["name"] is None else [*path, item["name"]]
        self.shown[str(item_id)] = (kind, "::".join(here))
        for child in parts(kind, inner):
            self.visit(child, here)
        if not isinstance(inner, dict):
            return
        for block in (self.index.get(str(block)) for block in inner.get("impls", [])):
            # What a hidden trait is implemented for is of no concern.
            if block is not None and block["inner"]["impl"]["trait"] is None:
                for child in block["inner"]["impl"]["items"]:
                    self.visit(child, here)
        own = {key: value for key, value in inner.items() if key not in ("items", "impls", "implementations")}
        self.says.append(("::".join(here), own))

    def leaks(self):
        """The items that name a hidden one, and its name."""
        for path, value in self.says:
            for item_id, name in named(value):
                place = self.paths.get(str(item_id))
                is_own = str(item_id) in self.index or place is None or place["crate_id"] == 0
                if is_own and str(item_id) not in self.shown:
                    yield path, name


def parts(kind, inner):
    """The ids of what is inside an item."""
    if kind in ("module", "trait"):
        return inner["items"]
    if kind == "enum":
        return inner["variants"]
    if kind not in ("struct", "variant") or not isinstance(inner["kind"], dict):
        return []
    fields = next(iter(inner["kind"].values()))
    fields = fields["fields"] if isinstance(fields, dict) else fields
    return [field for field in fields if field is not None]


def main():
    items = Items(described())
    if "--list" in sys.argv:
        for kind, path in sorted(items.shown.values(), key=lambda each: each[1]):
            if kind not in ("struct_field", "variant"):
                print(f"{path} ({kind})")
    leaks = sorted(set(items.leaks()))
    for path, name in leaks:
        print(f"{path} names {name}, which is hidden", file=sys.stderr)
    print(f"{len(items.shown)} items are shown", file=sys.stderr)
    return 1 if leaks else 0


if __name__ == "__main__":
    raise SystemExit(main())
