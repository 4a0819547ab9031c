"""Owns the one step of a wheel that setup.cfg cannot say: no package without scripts and kernelspec."""

import os
import runpy

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))


class BuildWithAssets(build_py):
    """Builds the JavaScript assets where they are missing and puts the kernelspec inside the package."""

    def run(self):
        if self.editable_mode:  # `make assets` works in the source tree itself
            return super().run()
        assets = runpy.run_path(os.path.join(HERE, "vm_kernel", "cells", "build.py"))
        try:
            if assets["missing"]():
                assets["build"]()
        except assets["BuildError"] as error:
            raise SystemExit(
                f"vm-kernel cannot be packaged without the engine's scripts: {error}\n"
                "Run `make assets` in the source tree first."
            ) from None
        super().run()
        # For `python -m vm_kernel install`, also after an uninstall has taken the copy in share/jupyter away.
        self.copy_tree(os.path.join(HERE, "kernelspec"), os.path.join(self.build_lib, "vm_kernel", "kernelspec"))


setup(cmdclass={"build_py": BuildWithAssets})
