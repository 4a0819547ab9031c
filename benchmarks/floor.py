"""Owns the floor of the compute rows: their program as native code, in Node, in the bare engine under other flags;
refuses to know kernels and gateways.

Usage: python benchmarks/floor.py. Least and median of some fresh processes, in turns: on a machine that others use too
the least is the figure. Needs cc for the first row.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import peers

TURNS = 9
#: The program of `peers.JAVASCRIPT["compute"]`, statement by statement.
NATIVE = r"""
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
typedef struct { double x, y, z, vx, vy, vz, m; } body;
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
int main(void) {
  double started = now();
  int n = 5000000, primes = 0;
  unsigned char *sieve = calloc(n + 1, 1);
  for (int i = 2; i <= n; i++) {
    if (sieve[i]) continue;
    primes++;
    for (int j = i * 2; j <= n; j += i) sieve[j] = 1;
  }
  body bodies[5];
  for (int i = 0; i < 5; i++) bodies[i] = (body){i, i * i % 3, i % 2, 0, 0.1 * i, 0, 1.0 / (i + 1)};
  for (int step = 0; step < 500000; step++) {
    for (int i = 0; i < 5; i++) {
      body *a = &bodies[i];
      for (int j = i + 1; j < 5; j++) {
        body *b = &bodies[j];
        double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
        double d = dx * dx + dy * dy + dz * dz + 0.01, f = 0.001 / (d * sqrt(d));
        a->vx -= dx * b->m * f; a->vy -= dy * b->m * f; a->vz -= dz * b->m * f;
        b->vx += dx * a->m * f; b->vy += dy * a->m * f; b->vz += dz * a->m * f;
      }
    }
    for (int i = 0; i < 5; i++) {
      bodies[i].x += 0.001 * bodies[i].vx; bodies[i].y += 0.001 * bodies[i].vy; bodies[i].z += 0.001 * bodies[i].vz;
    }
  }
  fprintf(stderr, "%f\n", bodies[0].x);
  printf("%f\n", now() - started);
  return primes != 348513;
}
"""
ENGINE = """
import os, sys
from vm_kernel.engine.v8 import library
from vm_kernel.engine.v8.context import Context
flags = sys.argv[2].split()
library.FLAGS = tuple(flag for flag in library.FLAGS if "-" + flag not in flags)
library.load(sys.argv[1], " ".join(flag for flag in flags if not flag.startswith("---")))
context = Context(lambda: None)
context.eval("1+1")
print(context.eval("String(" + sys.stdin.read() + ")"), flush=True)
os._exit(0)  # V8's threads outlive the interpreter otherwise
"""
#: What was tried; three dashes take one of our own flags away.
FLAGS = (
    "",
    "---no-turboshaft-loop-unrolling",
    "--always-sparkplug",
    "--no-lazy-feedback-allocation",
    "--invocation-count-for-osr=1 --invocation-count-for-maglev-osr=1",
    "--interrupt-budget=16000 --interrupt-budget-for-maglev=4000",
    "--turbolev",
    "--no-maglev",
    "--max-opt=2",
    "--no-concurrent-recompilation",
    "--concurrent-turbofan-max-threads=1",
    "--no-memory-protection-keys",
)


def answer(command: list[str], text: str = "") -> float:
    done = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return float(done.stdout.split()[-1])


def native(folder: str) -> Callable[[], float] | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = os.path.join(folder, "floor")
    subprocess.run([compiler, "-O2", "-x", "c", "-", "-o", program, "-lm"], input=NATIVE, text=True, check=True)
    return lambda: answer([program])


def in_engine(flags: str) -> Callable[[], float]:
    spec = importlib.util.find_spec("py_mini_racer")
    assert spec is not None and spec.submodule_search_locations is not None
    command = [sys.executable, "-c", ENGINE, spec.submodule_search_locations[0], flags]
    return lambda: answer(command, peers.JAVASCRIPT["compute"])


def main() -> None:
    node = peers.node()
    with tempfile.TemporaryDirectory() as folder:
        rows: list[tuple[str, Callable[[], float] | None]] = [("native code, cc -O2", native(folder))]
        if node is not None:
            path = node[0]
            rows.append((f"node {node[1]}", lambda: peers.compute_in_node(path)))
        rows += [(f"engine {flags or 'as it is'}", in_engine(flags)) for flags in FLAGS]
        took: dict[str, list[float]] = {name: [] for name, _ in rows}
        for _ in range(TURNS):
            for name, run in rows:
                if run is not None:
                    took[name].append(run())
    for name, times in took.items():
        if times:
            print(f"{min(times):6.1f} ms, median {statistics.median(times):6.1f}  {name}")


if __name__ == "__main__":
    main()
