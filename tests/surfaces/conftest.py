"""Owns one gateway, its template and the kernelspec of that template, for clients of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from vm_gateway.recording import Recording, read

from ..cli.among_jupyter import among_jupyter
from ..cli.gateway import Gateway

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
    with among_jupyter() as gateway:
        template_id = gateway.template(TEMPLATE, *(f"limits.{limit}" for limit in LIMITS))
        gateway.run("kernelspec", "sync", "--prefix", str(gateway.folder))
        yield Place(gateway, template_id)
