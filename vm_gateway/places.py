"""Owns where a gateway keeps its files and who may read them; refuses to know what is in them but for tokens.

Light on purpose: the command line reads a token through it at each start.
"""

from __future__ import annotations

import os
import stat
import sys

#: A Unix socket's path has at most 107 bytes; the name of the socket itself comes behind the folder.
LONGEST_SOCKET_FOLDER = 90
#: What lies beside a ledger, by the end of its name.
LEDGER_FILES = ("", "-wal", "-shm", "-lock", "-damaged", "-gateway-lock")


class PlaceError(Exception):
    """A file or folder is not ours alone; the text says which and what to do."""


def runtime_folder() -> str:
    """Jupyter's runtime folder, where connection files are: `jupyter_core.paths.jupyter_runtime_dir()`."""
    if named := os.environ.get("JUPYTER_RUNTIME_DIR"):
        return named
    if sys.platform != "linux" or os.environ.get("JUPYTER_PLATFORM_DIRS"):
        from jupyter_core.paths import jupyter_runtime_dir

        return jupyter_runtime_dir()
    data = os.environ.get("JUPYTER_DATA_DIR") or os.path.join(
        os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "jupyter"
    )
    return os.path.join(data, "runtime")


def own_folder(path: str) -> str:
    """Makes a folder that only this user may enter. Raises: PlaceError when it is another's, or a link."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PlaceError(f"{path} is not a folder of yours: remove it or set another XDG_RUNTIME_DIR")
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)
    return path


def sockets_folder(name: str) -> str:
    """A folder of our own, short enough for sockets: `$XDG_RUNTIME_DIR/vmg/<name>`, else in the temp folder."""
    roots = _socket_roots()
    root = next((each for each in roots if len(os.fsencode(each)) + 1 + len(name) <= LONGEST_SOCKET_FOLDER), roots[-1])
    own_folder(root)
    return own_folder(os.path.join(root, name))


def _socket_roots() -> list[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    roots = [os.path.join(runtime, "vmg")] if runtime and os.path.isdir(runtime) else []
    # Not tempfile.gettempdir: kernels ask while they start, and importing it takes as long as opening the ledger.
    named = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    temps = [each for each in named if os.path.isabs(each) and os.access(each, os.W_OK | os.X_OK)][:1]
    return roots + [os.path.join(temp, f"vmg-{os.getuid()}") for temp in (*temps, "/tmp")]


def own_places() -> tuple[str, ...]:
    """All folders in which gateways keep files; a session has no business there, wherever its worktree is."""
    return (runtime_folder(), data_folder(), *_socket_roots())


def denied(ledger: str) -> tuple[str, ...]:
    """What sessions must not read, wherever their worktree is (design 7.10).

    ledger: the one that records them, as it was named: where that is a stock TinyDB file, theirs lies beside it.
    """
    beside = f"{ledger.removesuffix('.json')}.ledger"
    return (*own_places(), *(name + end for name in (ledger, beside) for end in LEDGER_FILES))


def write_private(path: str, text: str) -> None:
    """Replaces a file by one that only this user may read, in one step."""
    own_folder(os.path.dirname(path))
    draft = f"{path}.{os.getpid()}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        remove(draft)
        raise


def read_own(path: str) -> str:
    """The text of a small file that only this user may write; empty when it is not there or is another's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            return ""
        return file.read(1 << 16)


def remove(path: str) -> None:
    """Removes a file that may be gone already."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


# -- tokens ----------------------------------------------------------------------------------------------


def token_path(port: int) -> str:
    """Where the gateway on that port of this machine leaves its token."""
    return os.path.join(runtime_folder(), f"vm-gateway-{port}.token")


def write_token(port: int, token: str, process: str) -> None:
    """process: who serves with it, for whoever cleans up behind one that was killed."""
    write_private(token_path(port), f"{token}\n{process}\n")


def read_token(port: int) -> str:
    """The token for a gateway on this machine: VM_GATEWAY_TOKEN when it is set, else the gateway's file.

    Empty when there is neither: no gateway serves there, or one without a token. Raises: PlaceError when the file is
    another's, or open to others.
    """
    given = os.environ.get("VM_GATEWAY_TOKEN")
    if given is not None:
        return given.strip()
    path = token_path(port)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise PlaceError(f"the token file {path} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PlaceError(f"the token file {path} is not yours alone: remove it and start the gateway again")
        return file.readline(4096).strip()


# -- data ------------------------------------------------------------------------------------------------


def default_ledger() -> str:
    """The ledger of whoever names none; its folder is made. Raises: OSError, PlaceError."""
    return os.path.join(own_folder(data_folder()), "vm-gateway.ledger")


def data_folder() -> str:
    """Where a gateway keeps what must last when nobody names a place."""
    return os.environ.get("VM_GATEWAY_DATA_DIR") or os.path.join(
        os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "vm-gateway"
    )
