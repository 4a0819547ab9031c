"""Owns which kernels are measured and one program in each one's language; refuses to know how it is timed."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from dataclasses import dataclass

#: Lines of the flood, and characters of the large text (10 MiB).
LINES = 20_000
LARGE = 10 * 1024 * 1024

_JS_COMPUTE = """(() => {
  const started = Date.now();
  const n = 5_000_000, sieve = new Uint8Array(n + 1);
  let primes = 0;
  for (let i = 2; i <= n; i++) {
    if (sieve[i]) continue;
    primes++;
    for (let j = i * 2; j <= n; j += i) sieve[j] = 1;
  }
  if (primes !== 348513) throw new Error("sieve: " + primes);
  const bodies = [];
  for (let i = 0; i < 5; i++)
    bodies.push({ x: i, y: i * i % 3, z: i % 2, vx: 0, vy: 0.1 * i, vz: 0, m: 1 / (i + 1) });
  for (let step = 0; step < 500_000; step++) {
    for (let i = 0; i < 5; i++) {
      const a = bodies[i];
      for (let j = i + 1; j < 5; j++) {
        const b = bodies[j], dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z;
        const d = dx * dx + dy * dy + dz * dz + 0.01;
        const f = 0.001 / (d * Math.sqrt(d));
        a.vx -= dx * b.m * f; a.vy -= dy * b.m * f; a.vz -= dz * b.m * f;
        b.vx += dx * a.m * f; b.vy += dy * a.m * f; b.vz += dz * a.m * f;
      }
    }
    for (const a of bodies) { a.x += 0.001 * a.vx; a.y += 0.001 * a.vy; a.z += 0.001 * a.vz; }
  }
  if (!Number.isFinite(bodies[0].x)) throw new Error("n-body");
  return Date.now() - started;
})()"""

_PY_COMPUTE = """
def compute():
    import math, time
    started = time.perf_counter()
    n = 5_000_000; sieve = bytearray(n + 1); primes = 0
    for i in range(2, n + 1):
        if sieve[i]: continue
        primes += 1
        for j in range(i * 2, n + 1, i): sieve[j] = 1
    assert primes == 348513
    bodies = [[i, i * i % 3, i % 2, 0.0, 0.1 * i, 0.0, 1 / (i + 1)] for i in range(5)]
    for step in range(500_000):
        for i in range(5):
            a = bodies[i]
            for j in range(i + 1, 5):
                b = bodies[j]; dx = a[0] - b[0]; dy = a[1] - b[1]; dz = a[2] - b[2]
                d = dx * dx + dy * dy + dz * dz + 0.01
                f = 0.001 / (d * math.sqrt(d))
                a[3] -= dx * b[6] * f; a[4] -= dy * b[6] * f; a[5] -= dz * b[6] * f
                b[3] += dx * a[6] * f; b[4] += dy * a[6] * f; b[5] += dz * a[6] * f
        for a in bodies:
            a[0] += 0.001 * a[3]; a[1] += 0.001 * a[4]; a[2] += 0.001 * a[5]
    return round((time.perf_counter() - started) * 1000)
compute()
"""

JAVASCRIPT = {
    "flood": f"for (let i = 0; i < {LINES}; i++) console.log(`line ${{i}}`)",
    "print": f'console.log("x".repeat({LARGE}))',
    "return": f'"x".repeat({LARGE})',
    "compute": _JS_COMPUTE,
    "loop": "while (true) {}",
    "await": "await new Promise(() => setTimeout(() => {}, 600_000))",
    "keep": "var kept = 42",
    "kept": "kept",
}
PYTHON = {
    "flood": f"for i in range({LINES}): print(f'line {{i}}')",
    "print": f'print("x" * {LARGE})',
    "return": f'"x" * {LARGE}',
    "compute": _PY_COMPUTE,
    "loop": "while True: pass",
    "await": "import asyncio; await asyncio.sleep(600)",
    "keep": "kept = 42",
    "kept": "kept",
}


@dataclass(frozen=True)
class Peer:
    """A kernel as it is started. interrupt: `message` or `signal`, as Jupyter would."""

    name: str
    version: str
    argv: tuple[str, ...]
    cells: dict[str, str]
    interrupt: str = "message"


def ours() -> Peer:
    """This project's kernel, with the argv that its own `install` writes."""
    import json

    from vm_kernel import __version__
    from vm_kernel.install import kernelspec

    argv = json.loads(kernelspec()["kernel.json"])["argv"]
    return Peer("vm_kernel", __version__, tuple(argv), JAVASCRIPT)


def deno() -> Peer | None:
    """Deno's kernel from PyPI; None where it is not installed. Its own kernelspec has no `interrupt_mode`."""
    try:
        from deno import find_deno_bin
    except ImportError:
        return None
    argv = (str(find_deno_bin()), "jupyter", "--kernel", "--conn", "{connection_file}")
    return Peer("deno", importlib.metadata.version("deno"), argv, JAVASCRIPT)


def ipykernel() -> Peer | None:
    """IPython's kernel; None where it is not installed."""
    try:
        version = importlib.metadata.version("ipykernel")
    except importlib.metadata.PackageNotFoundError:
        return None
    argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
    return Peer("ipykernel", version, argv, PYTHON, interrupt="signal")


def node() -> tuple[str, str] | None:
    """The machine's Node and its version, None where there is none; it takes part in the computation only."""
    path = shutil.which("node")
    if path is None:
        return None
    return path, subprocess.run(
        [path, "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()


def compute_in_node(path: str) -> float:
    """Milliseconds of the computation in plain Node, in a process of its own."""
    done = subprocess.run(
        [path, "-p", JAVASCRIPT["compute"]], capture_output=True, text=True, check=True, timeout=60
    )
    return float(done.stdout)
