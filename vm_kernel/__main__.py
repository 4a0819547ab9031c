"""Owns the choice between running a kernel and installing one; refuses to know how either is done.

`argv` of the kernelspec comes through here, so nothing is imported that a running kernel does not need.
"""

import os
import sys


def main(argv: list[str]) -> int:
    """Runs a kernel when `argv` begins with an option of one; else the command line (`install`, `--version`).

    Returns the exit code of the process.
    """
    if argv and argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version"):
        from . import launch

        return launch.main(argv)
    from . import install

    return install.main(argv)


if __name__ == "__main__":
    # `-m` puts the working folder in front of the search path, and a notebook may lie beside a json.py. An
    # installed kernelspec keeps it off the path (`install.running`); this is for an argv written by hand.
    if not getattr(sys.flags, "safe_path", False) and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    sys.exit(main(sys.argv[1:]))
