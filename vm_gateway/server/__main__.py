"""Owns `python -m vm_gateway.server`: a gateway from this command line; refuses to know how it serves."""

import sys

from .serve import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
