"""Owns the composition of services and routes into one ASGI application; refuses to listen anywhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from starlette.types import ASGIApp

from ..executions import Executions
from ..sessions import Sessions
from ..templates import Templates
from .door import Door
from .executions import ExecutionRoutes
from .routing import Route, router
from .runtime import RuntimeRoutes
from .sessions import SessionRoutes
from .templates import TemplateRoutes


@dataclass(frozen=True)
class Services:
    templates: Templates
    sessions: Sessions
    executions: Executions


def routes(services: Services, most_bytes: int) -> list[Route]:
    """Every route of contract sections 3 and 18."""
    return [
        *ExecutionRoutes(services.executions, most_bytes).routes(),  # first: they are asked for most
        *SessionRoutes(services.sessions, services.templates, most_bytes).routes(),
        *TemplateRoutes(services.templates, most_bytes).routes(),
        *RuntimeRoutes(services.sessions).routes(),
    ]


def application(
    services: Services,
    token: str,
    hosts: Collection[str],
    origins: Collection[str] = (),
    most_bytes: int = 8 << 20,
) -> ASGIApp:
    """token: empty lets everybody in. hosts: see `Door`."""
    return Door(
        router(routes(services, most_bytes)), token, hosts, origins, stopping=lambda: services.sessions.stopping
    )
