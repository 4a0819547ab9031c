"""Owns rounds of kill -9 under load: gateway, kernel, engine in turn; an oracle says what was lost: nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from ...rest.running import TOKEN, Home, Running, wait_until
from . import processes
from .load import Load, Oracle

#: How long sessions outlive a gateway here; a round's gateway is back long before.
GRACE_S = 8
ARGUMENTS = (f"--VmGateway.orphan_grace_s={GRACE_S}",)
SESSIONS = 4
SEED = "kills-1"
KINDS = ("gateway", "kernel", "engine", "gateway, kernel", "gateway, engine", "gateway, gateway")


class Battle:
    """A gateway, its sessions and those who load them, over rounds."""

    def __init__(self, home: Home, oracle: Oracle, seed: str) -> None:
        self.home = home
        self.oracle = oracle
        self.seed = seed
        self.load = Load(oracle, seed)
        self.gateway = Running(home, *ARGUMENTS)
        self.load.origin = self.gateway.origin
        self.templates = {
            on_loss: str(self.gateway.template(settings={"runtime": {"on_engine_loss": on_loss}})["id"])
            for on_loss in ("crash", "fresh")
        }
        #: Session id -> what is done when its engine is lost; and how often it was.
        self.sessions: dict[str, str] = {}
        self.losses: dict[str, int] = {}
        self.pids: dict[str, int] = {}
        self.renewed: list[str] = []
        self.acknowledged = 0
        for number in range(SESSIONS):
            self.open(("crash", "fresh")[number % 2])

    def open(self, on_loss: str) -> None:
        row = self.gateway.session(self.templates[on_loss])
        self.sessions[row["id"]] = on_loss
        self.losses[row["id"]] = 0
        self.pids[row["id"]] = row["runtime_meta"]["pid"]

    # -- a round -----------------------------------------------------------------------------------------

    def play(self, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        chance = random.Random(f"{self.seed}-{number}")
        after = dict.fromkeys(self.sessions, "nothing")
        self.load.start(list(self.sessions))
        time.sleep(chance.uniform(0.02, 0.5))
        for victim in kind.split(", "):
            if victim == "gateway":
                if self.gateway.process.poll() is not None:
                    self.kill_while_it_starts(chance)
                else:
                    self.gateway.end(signal.SIGKILL)
                    after = dict.fromkeys(self.sessions, "gateway killed")
            else:
                session_id = chance.choice(list(self.sessions))
                after[session_id] = self.kill(victim, session_id)
            time.sleep(chance.uniform(0, 0.2))
        if self.gateway.process.poll() is not None:
            self.check_log()
            self.gateway = Running(self.home, *ARGUMENTS)
            self.load.origin = self.gateway.origin
        time.sleep(chance.uniform(0.1, 0.3))
        self.load.stop()
        self.judge(f"round {number} of seed {self.seed}, kill -9 of {kind}", after)
        self.renew(after, chance)

    def kill(self, victim: str, session_id: str) -> str:
        """What happened to the session, in the oracle's words."""
        alone = self.gateway.process.poll() is not None
        if victim == "kernel":
            os.kill(self.pids[session_id], signal.SIGKILL)
            return "kernel killed without gateway" if alone else "kernel killed"
        wait_until(lambda: processes.engine_of(self.pids[session_id]), what="the engine").kill()
        self.losses[session_id] += 1
        return f"engine killed, {self.sessions[session_id]}"

    def kill_while_it_starts(self, chance: random.Random) -> None:
        """A gateway that may be opening its ledger, adopting, or serving already."""
        command = [sys.executable, "-m", "vm_gateway.server", "--ledger", str(self.home.ledger), *ARGUMENTS]
        environment = self.home.environment()
        process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.1, 0.5))
        process.kill()
        process.wait()

    def judge(self, when: str, after: dict[str, str]) -> None:
        sessions = {each: {"after": what, "pid": self.pids[each]} for each, what in after.items()}
        said = self.oracle.ask(
            "round", origin=self.gateway.origin, token=TOKEN, sessions=sessions, renewed=self.renewed
        )
        self.renewed = []
        assert not said["problems"], f"{when}: " + "\n".join(said["problems"])
        assert not self.load.surprises, f"{when}: {self.load.surprises}"
        self.acknowledged = said["acknowledged"]
        usable = [each for each in after if self.row(each)["status"] == "ready"]
        active = self.gateway.ask("GET", "/runtime/summary", 200)["active_session_ids"]
        assert active == sorted(usable), f"{when}: the summary says {active}, ready are {usable}"
        self.check_processes(when, usable)

    def check_processes(self, when: str, usable: list[str]) -> None:
        """Exactly the gateway, and the kernels of usable sessions with their engines, at the latest after the grace."""
        kernels = {self.pids[each] for each in usable}

        def strangers() -> list[Any]:
            ours = kernels | {self.gateway.process.pid}
            return [each for each in processes.of(self.home) if each.pid not in ours and each.ppid() not in kernels]

        deadline = time.monotonic() + GRACE_S + 4
        while (found := strangers()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not found, f"{when}: these run on: {processes.described(found)}"

    def renew(self, after: dict[str, str], chance: random.Random) -> None:
        """A session that ended is restarted or replaced; so is one whose engine was lost too often to go on at once."""
        for session_id in after:
            row = self.row(session_id)
            if row["status"] == "ready" and self.losses[session_id] < 2:
                continue
            if row["status"] == "crashed" and chance.random() < 0.7:
                restarted = self.gateway.ask("POST", f"/sessions/{session_id}/restart", 200)
                assert restarted["status"] == "ready"
                self.pids[session_id] = restarted["runtime_meta"]["pid"]
                self.losses[session_id] = 0
                self.renewed.append(session_id)
            else:
                self.gateway.close(session_id)
                on_loss = self.sessions.pop(session_id)
                self.open(on_loss)

    def row(self, session_id: str) -> Any:
        return self.gateway.ask("GET", f"/sessions/{session_id}", 200)

    # -- the end -----------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Killed for good, the gateway leaves processes for the grace alone; stopped, it leaves none and no file."""
        self.gateway.end(signal.SIGKILL)
        self.check_log()
        wait_until(lambda: not processes.of(self.home), GRACE_S + 10, "the end of all processes after the grace")
        self.gateway = Running(self.home, *ARGUMENTS)
        for session_id in self.sessions:
            row = self.row(session_id)
            assert row["status"] == "closed", row
            assert f"gateway was gone for {GRACE_S} s" in row["last_error"], row
        self.open("crash")
        assert self.gateway.end() == 0
        self.check_log()
        assert not processes.of(self.home), processes.described(processes.of(self.home))
        left = [path.name for folder in (self.home.runtime, self.home.path / "vmg") for path in folder.glob("*")]
        assert not left, f"files of sessions and gateways are left: {left}"
        said = self.oracle.ask("end", ledger=str(self.home.ledger))
        assert not said["problems"], "\n".join(said["problems"])

    def check_log(self) -> None:
        assert not [line for line in self.gateway.log if "Traceback" in line], "".join(self.gateway.log)

    def abandon(self) -> None:
        self.load.stop()
        if self.gateway.process.poll() is None:
            self.gateway.end(signal.SIGKILL)


def fight(home: Home, seed: str, rounds: int, capsys: pytest.CaptureFixture[str] | None = None) -> None:
    began = time.monotonic()
    with Oracle() as oracle:
        battle = Battle(home, oracle, seed)
        try:
            for number in range(rounds):
                battle.play(number)
            battle.finish()
        finally:
            battle.abandon()
    assert battle.acknowledged > 4 * rounds, f"only {battle.acknowledged} executions were acknowledged: no load"
    if capsys is not None:
        with capsys.disabled():
            took = time.monotonic() - began
            print(f"\n{rounds} rounds of kill -9 in {took:.0f} s, {battle.acknowledged} executions acknowledged")


@pytest.mark.covers("rule adoption")
@pytest.mark.covers("rule orphan grace")
@pytest.mark.covers("rule restart of the gateway")
def test_six_rounds_of_kill_9_under_load_lose_nothing(home: Home) -> None:
    fight(home, SEED, len(KINDS))


@pytest.mark.full
@pytest.mark.slow
def test_200_rounds_of_kill_9_under_load_lose_nothing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    fight(home, f"{SEED}-all", 200, capsys)
