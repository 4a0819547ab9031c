"""Owns how the kernelspecs get to where Jupyter looks for it, and away; refuses to know what a kernel does.

The only module here that imports jupyter_client; never imported by a running kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence

from . import __version__

NAME = "javascript-vm"
#: One kernel, two languages of its cells.
NAMES = (NAME, "typescript-vm")
PACKAGE = os.path.dirname(os.path.abspath(__file__))
#: In an installed package, and in a source tree.
SOURCES = (os.path.join(PACKAGE, "kernelspec"), os.path.join(os.path.dirname(PACKAGE), "kernelspec"))


class InstallError(Exception):
    """The kernelspec cannot be put or removed; the message says what to do."""


def kernelspec(name: str = NAME) -> dict[str, bytes]:
    """The files of a kernelspec for this Python, by name; `argv` is absolute, so it needs no PATH.

    Raises: InstallError when the package came without them.
    """
    places = (os.path.join(source, name) for source in SOURCES)
    folder = next((place for place in places if os.path.isfile(os.path.join(place, "kernel.json"))), None)
    if folder is None:
        raise InstallError("this installation has no kernelspec files: install the package again")
    files = {}
    for each in sorted(os.listdir(folder)):
        with open(os.path.join(folder, each), "rb") as file:
            files[each] = file.read()
    spec = json.loads(files["kernel.json"])
    spec["argv"] = [*running("vm_kernel"), *spec["argv"][spec["argv"].index("-f") :]]
    files["kernel.json"] = as_file(spec)
    return files


def running(package: str) -> list[str]:
    """This Python with a package's `__main__`; a json.py beside the notebook must not stand in for Python's own."""
    if sys.version_info >= (3, 11):
        return [sys.executable, "-P", "-m", package]
    # No -P, and -m looks the package itself up in the working folder: that goes before anything is looked up.
    code = f"import sys; del sys.path[0]; from {package}.__main__ import main; sys.exit(main(sys.argv[1:]))"
    return [sys.executable, "-c", code]


def as_file(spec: Mapping[str, object]) -> bytes:
    return (json.dumps(spec, indent=2, ensure_ascii=False) + "\n").encode()


def default_prefix() -> str | None:
    """This environment where it is one of its own (venv, conda); None: the user's account."""
    own = sys.prefix != sys.base_prefix or os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
    return sys.prefix if own else None


def put(prefix: str | None, name: str = NAME, files: Mapping[str, bytes] | None = None) -> str:
    """Writes a kernelspec under `prefix`/share/jupyter; None: the user's Jupyter folder (JUPYTER_DATA_DIR).

    files: None for those of the bare kernel. Returns the folder; an older one in its place is replaced.
    Raises: InstallError.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    with tempfile.TemporaryDirectory() as staging:
        for each, content in (kernelspec(name) if files is None else files).items():
            with open(os.path.join(staging, each), "wb") as file:
                file.write(content)
        # mkdtemp gives 0700, and copying keeps modes: other users of a shared prefix must be able to read it.
        os.chmod(staging, 0o755)
        try:
            return str(
                KernelSpecManager().install_kernel_spec(staging, name, user=prefix is None, prefix=prefix)
            )
        except OSError as error:
            where = error.filename or prefix or "the user's Jupyter folder"
            raise InstallError(
                f"cannot write to {where} ({error.strerror}): choose --user (your account), --sys-prefix "
                "(this Python's environment) or --prefix P with a folder that you may write to"
            ) from error


def folder_of(prefix: str | None) -> str:
    """Where `put` puts kernelspecs."""
    from jupyter_client.kernelspec import KernelSpecManager

    if prefix is None:
        return str(KernelSpecManager().user_kernel_dir)
    return os.path.join(prefix, "share", "jupyter", "kernels")


def found(name: str = NAME) -> str | None:
    """The folder of the kernelspec of this name that Jupyter takes now, None when it finds none."""
    from jupyter_client.kernelspec import KernelSpecManager

    folder = KernelSpecManager().find_kernel_specs().get(name)
    return None if folder is None else str(folder)


def remove(prefix: str | None, user: bool, name: str = NAME) -> str:
    """Removes a kernelspec under `prefix`, of the `user`, or with neither the one that Jupyter takes now.

    Returns the folder. Raises: InstallError when there is none or it may not be removed.
    """
    import shutil

    folder = os.path.join(folder_of(prefix), name) if prefix is not None or user else found(name)
    if folder is None or not os.path.isfile(os.path.join(folder, "kernel.json")):
        raise InstallError(
            f"no kernelspec {name} {f'in {folder}' if folder else 'that Jupyter finds'}: "
            "`jupyter kernelspec list` shows where kernels are"
        )
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise InstallError(
            f"cannot remove {error.filename or folder} ({error.strerror}): it needs its owner"
        ) from error
    return folder


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line as a value; exits as argparse does."""
    parser = argparse.ArgumentParser(
        prog="python -m vm_kernel",
        description="A Jupyter kernel for JavaScript around V8. Jupyter starts it with -f CONNECTION_FILE.",
    )
    parser.add_argument("--version", action="version", version=f"vm-kernel {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="install | uninstall")
    for name, sentence in (
        ("install", f"let Jupyter find this kernel as {' and '.join(map(repr, NAMES))}"),
        ("uninstall", "undo that (without a place: where Jupyter finds it now)"),
    ):
        command = commands.add_parser(name, help=sentence, description=sentence)
        place = command.add_mutually_exclusive_group()
        place.add_argument(
            "--user", action="store_true", help="for your account (default outside of environments)"
        )
        place.add_argument(
            "--sys-prefix", action="store_true", help="for this Python's environment (default in one)"
        )
        place.add_argument("--prefix", metavar="P", help="below P/share/jupyter")
    return parser.parse_args(argv)


def where(folder: str, name: str = NAME) -> list[str]:
    """Lines that say where the kernelspec is and whether Jupyter will take that one."""
    taken = found(name)
    if taken is None:
        share = os.path.dirname(os.path.dirname(folder))
        next_step = f"Jupyter does not look there by itself: start it with JUPYTER_PATH={share}"
    elif not os.path.samefile(taken, folder):
        command = f"`{sys.executable} -m vm_kernel uninstall`"
        next_step = f"Jupyter finds another one first, in {taken}: remove it with {command}"
    else:
        next_step = f"Try: jupyter console --kernel {name}"
    return [f"{name} is installed in {folder}", next_step]


def uninstall(prefix: str | None, user: bool) -> int:
    """Removes what there is of the kernelspecs. Raises: InstallError when there is none of them."""
    gone, missing = 0, InstallError("")
    for name in NAMES:
        try:
            print(f"{name} is gone from {remove(prefix, user, name)}")
            gone += 1
        except InstallError as error:
            missing = error
    if not gone:
        raise missing
    return 0


def main(argv: Sequence[str]) -> int:
    """Runs `install` or `uninstall`; returns the exit code."""
    arguments = parse(argv)
    prefix = (
        os.path.abspath(arguments.prefix)
        if arguments.prefix
        else sys.prefix
        if arguments.sys_prefix
        else None
    )
    try:
        if arguments.command == "uninstall":
            return uninstall(prefix, arguments.user)
        if prefix is None and not arguments.user:
            prefix = default_prefix()
        for name in NAMES:
            print(*where(put(prefix, name), name), sep="\n")
        return 0
    except ImportError as error:
        print(
            f"vm_kernel: {error}: install the package with what it needs, `pip install vm-kernel`",
            file=sys.stderr,
        )
    except InstallError as error:
        print(f"vm_kernel: {error}", file=sys.stderr)
    return 1
