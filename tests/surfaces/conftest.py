"""Owns one gateway, its template and the kernelspec of that template, for clients of every kind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vm_gateway.recording import Recording, read

from ..cli.gateway import Gateway, serving
from ..conformance.peer import jupyter_places

LIMITS = ("wall_ms=5000", "cpu_ms=800", "mem_mb=64", "max_events=60", "max_output_kb=64")
TEMPLATE = "same"
#: What `vm-gateway kernelspec sync` calls it.
KERNEL = f"vm-{TEMPLATE}"


@dataclass(frozen=True)
class Place:
    gateway: Gateway
    template_id: str

    def newest(self) -> Recording:
        """The session of this template that began last."""
        with self.gateway.client() as client:
            mine = [each for each in client.sessions() if each["vm_id"] == self.template_id]
            return read(client, mine[0]["id"])


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """What is started here finds kernelspecs and ledger as a person's programs do: in Jupyter's folders, by itself."""
    with tempfile.TemporaryDirectory(prefix="vms") as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        places = {**jupyter_places(folder), "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"), "XDG_RUNTIME_DIR": name}
        for variable, value in places.items():
            patch.setenv(variable, value)
        patch.delenv("VM_GATEWAY_LEDGER", raising=False)
        with serving(folder) as gateway:
            template_id = gateway.template(TEMPLATE, *(f"limits.{limit}" for limit in LIMITS))
            gateway.run("kernelspec", "sync", "--prefix", name)
            yield Place(gateway, template_id)
