"""Owns a gateway's life: lock, ledger, socket, adoption, serving, the graceful end; refuses to know any route."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from .. import adoption, config, gateways, places
from ..alone import Alone, InUse
from ..executions import Executions
from ..kernels import Clients
from ..ledger import owners
from ..ledger.port import Ledger, LedgerUnavailable
from ..ledger.rescue import ledger_file
from ..ledger.tiny import open_ledger
from ..live import Policy
from ..sessions import Sessions
from ..starting import Starter
from ..store import Store
from ..templates import Templates, ensure_fixed
from .app import Services, application
from .connection import Protocol
from .door import LOCAL_HOSTS

HEADER_BYTES = 32 * 1024
KEEP_ALIVE_S = 15
GRACE_S = 10
#: Values of a session may be nested, and answers are encoded some calls deep.
RECURSION = 4000

logger = logging.getLogger("vm_gateway")


def main(argv: Sequence[str]) -> int:
    """Serves until SIGINT or SIGTERM: 0 then, 1 when it cannot start, with one sentence on stderr."""
    settings = config.VmGateway()
    try:
        settings.load(argv)
        address, path = settings.address(), settings.ledger_path()
        set_up_log(settings.log_level_name, settings.json_log)
        listener = listen(address)
    except (config.ConfigurationError, places.PlaceError, OSError) as error:
        sys.stderr.write(f"vm-gateway cannot start: {error}\n")
        return 1
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    try:
        alone = Alone(ledger_file(path))
        try:
            ledger = open_ledger(path)
            try:
                ensure_fixed(ledger)
                asyncio.run(serve(settings, address, listener, ledger, ledger_file(path)))
            finally:
                ledger.close()
        finally:
            alone.release()
    except (InUse, LedgerUnavailable, places.PlaceError, OSError) as error:
        sys.stderr.write(f"vm-gateway cannot start: {error}\n")
        return 1
    finally:
        listener.close()
    return 0


def listen(address: config.Address) -> socket.socket:
    """A socket that listens. Raises: ConfigurationError."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # asyncio switches Nagle's algorithm off only where the protocol is named; else answers take 40 ms.
        listener = socket.socket(found[0], socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
        listener.listen(256)
        return listener
    except OSError as error:
        where = address.url(address.port)
        text = f"{where} cannot be listened on ({error.strerror or error}): end what uses it or name another address"
        raise config.ConfigurationError(text) from None


async def serve(
    settings: config.VmGateway, address: config.Address, listener: socket.socket, ledger: Ledger, path: str
) -> None:
    """Adopts, serves, ends. Raises: LedgerUnavailable, PlaceError when it cannot start."""
    store = Store(ledger)
    try:
        policy = Policy(
            settings.max_sessions,
            settings.start_timeout_s,
            settings.orphan_grace_s,
            tuple(settings.worktree_roots),
            places.denied(settings.ledger_path()),
        )
        sessions = Sessions(store, Starter(Clients(), path, settings.max_starting), policy)
        executions = Executions(sessions, settings.max_running, settings.max_body_bytes)
        services = Services(Templates(store), sessions, executions)
        port = listener.getsockname()[1]
        token, chosen = config.choose_token()
        hosts = {*LOCAL_HOSTS, address.host, *settings.allowed_hosts} if address.loopback else settings.allowed_hosts
        app = application(services, token, hosts, settings.allowed_origins, settings.max_body_bytes)
        await adoption.adopt(sessions)
        leave_token(port, token, chosen)
        gateways.announce(gateways.Gateway(port, address.url(port), path, owners.owner()))
        watching = asyncio.create_task(sessions.guests.watch())
        server = Server(app, sessions, f"vm-gateway is ready at {address.url(port)}")
        try:
            await server.serve(sockets=[listener])
        finally:
            watching.cancel()
            gateways.withdraw(port)
            if token:
                places.remove(places.token_path(port))
    finally:
        store.close()


def leave_token(port: int, token: str, chosen: bool) -> None:
    """Where clients of the same user find it; an empty token is somebody's wish, and worth a warning."""
    if token:
        places.write_token(port, token, json.dumps(owners.owner()))
    else:
        places.remove(places.token_path(port))
        logger.warning("VM_GATEWAY_TOKEN is empty: everybody who reaches this port can run code")
    if chosen:
        logger.info("the token is in %s", places.token_path(port))


class Server(uvicorn.Server):
    """uvicorn with our way to end: sessions first, so that requests that wait for them get their answers."""

    def __init__(self, app: object, sessions: Sessions, announcement: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]  # uvicorn has types of its own for what starlette's are
                http=Protocol,
                proxy_headers=False,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
                h11_max_incomplete_event_size=HEADER_BYTES,
            )
        )
        self._sessions = sessions
        self._announcement = announcement
        self._ending: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(self._announcement + "\n")
        sys.stdout.flush()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_end, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _asked_to_end(self, number: int) -> None:
        if self._ending is not None:
            self.force_exit = True
            return
        logger.info("%s: closing the sessions", signal.Signals(number).name)
        self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        try:
            await self._sessions.stop()
        finally:
            self.should_exit = True


def set_up_log(level: str, as_json: bool) -> None:
    """One line per record on stderr. Control characters are escaped: a path or a name may hold anything."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if as_json else _Lines("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger("vm_gateway")
    root.handlers = [handler]
    root.propagate = False
    root.setLevel(level.upper())
    logging.getLogger("uvicorn").setLevel("ERROR")


class _Lines(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        if line.isprintable():
            return line
        return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"time": self.formatTime(record), "level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
