"""Owns `python -m vm_gateway`, the same as the command `vm-gateway`; refuses to know what it can do."""

import os
import sys

if __name__ == "__main__":
    # `-m` puts the working folder in front of the search path, and a worktree may hold a json.py.
    if not getattr(sys.flags, "safe_path", False) and sys.path[0] in ("", os.getcwd()):
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        if package != os.getcwd():
            del sys.path[0]
    from vm_gateway.cli.main import main

    sys.exit(main())
