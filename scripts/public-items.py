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
    with tempfile.TemporaryDirectory() as folder:
        rustdoc = pathlib.Path(folder, "rustdoc")
        rustdoc.write_text('#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n')
        rustdoc.chmod(0o755)
        command = ["cargo", "rustdoc", "--locked", "--quiet", "--lib", "--features", "rego,pkcs11"]
        command += ["--target-dir", "target/public-items" if "CARGO_TARGET_DIR" in os.environ else "target"]
        command += ["--", "-Z", "unstable-options", "--output-format", "json", "--document-hidden-items"]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "RUSTDOC": str(rustdoc)})
    return json.loads((ROOT / "target/doc/carnet.json").read_text())


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


def main():
    crate = described()
    index, paths = crate["index"], crate["paths"]
    shown, names = {}, []

    def visit(item_id, path, is_renamed=False):
        item = index.get(str(item_id))
        if item is None:
            return
        kind, inner = next(iter(item["inner"].items()))
        if item["visibility"] not in ("public", "default") or is_hidden(item):
            return
        if kind == "use":
            target = index.get(str(inner["id"]))
            if target is not None and not inner["is_glob"]:
                visit(inner["id"], [*path, inner["name"]], is_renamed=True)
            return
        here = path if is_renamed or item["name"] is None else [*path, item["name"]]
        if str(item_id) in shown:
            return
        shown[str(item_id)] = (kind, "::".join(here))
        children = []
        if kind == "module":
            children = inner["items"]
        elif kind == "struct":
            shape = inner["kind"]
            if isinstance(shape, dict):
                shape = next(iter(shape.values()))
                children = shape["fields"] if isinstance(shape, dict) else [field for field in shape if field is not None]
        elif kind == "enum":
            children = inner["variants"]
        elif kind == "variant":
            shape = inner["kind"]
            if isinstance(shape, dict):
                shape = next(iter(shape.values()))
                children = shape["fields"] if isinstance(shape, dict) else [field for field in shape if field is not None]
        elif kind == "trait":
            children = inner["items"]
        for child in children:
            visit(child, here)
        for impl_id in inner.get("impls", []) if isinstance(inner, dict) else []:
            impl = index.get(str(impl_id))
            if impl is None or impl["inner"]["impl"]["is_synthetic"] or impl["inner"]["impl"]["blanket_impl"]:
                continue
            block = impl["inner"]["impl"]
            if block["trait"] is None:
                for child in block["items"]:
                    visit(child, here)
            else:
                names.append((here, {"generics": block["generics"], "trait": block["trait"]}, True))
        own = {key: value for key, value in inner.items() if key not in ("items", "impls", "implementations")} if isinstance(inner, dict) else inner
        names.append((here, own, False))

    visit(crate["root"], [])
    hidden = set()
    for path, value, is_impl in names:
        for item_id, name in named(value):
            place = paths.get(str(item_id))
            is_own = str(item_id) in index or place is None or place["crate_id"] == 0
            if is_own and str(item_id) not in shown:
                # What a hidden trait is implemented for is of no concern.
                if not is_impl:
                    hidden.add(("::".join(path), name))
    if "--list" in sys.argv:
        for kind, path in sorted(shown.values(), key=lambda each: each[1]):
            if kind not in ("struct_field", "variant"):
                print(f"{path} ({kind})")
    for path, name in sorted(hidden):
        print(f"{path} names {name}, which is hidden", file=sys.stderr)
    print(f"{len(shown)} items are shown", file=sys.stderr)
    return 1 if hidden else 0


if __name__ == "__main__":
    raise SystemExit(main())
