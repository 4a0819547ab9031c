"""Owns the routes below `/templates`; refuses to know what a template may contain."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .. import models
from ..errors import GatewayError
from ..identifiers import required, uuid_of
from ..templates import Templates
from . import bodies
from .answers import answer, listing
from .queries import page
from .routing import Route


class TemplateRoutes:
    """Handlers; the order in which they look at things is that of contract section 2."""

    def __init__(self, templates: Templates, most_bytes: int) -> None:
        self._templates = templates
        self._most_bytes = most_bytes

    def routes(self) -> list[Route]:
        one = "/templates/{template_id}"
        return [
            ("GET", "/templates", self.list),
            ("POST", "/templates", self.create),
            ("GET", one, self.get),
            ("PATCH", one, self.patch),
            ("DELETE", one, self.delete),
            ("GET", f"{one}/capabilities", self.capabilities),
            ("POST", f"{one}/capabilities", self.add_capability),
            ("DELETE", f"{one}/capabilities/{{id}}", self.delete_capability),
            ("GET", f"{one}/startup-files", self.startup_files),
            ("POST", f"{one}/startup-files", self.add_startup_file),
            ("DELETE", f"{one}/startup-files/{{id}}", self.delete_startup_file),
            ("GET", f"{one}/modules", self.modules),
            ("POST", f"{one}/modules", self.add_module),
            ("DELETE", f"{one}/modules/{{name}}", self.remove_module),
            ("GET", f"{one}/libraries", self.libraries),
            ("POST", f"{one}/libraries", self.add_library),
            ("DELETE", f"{one}/libraries/{{name}}", self.remove_library),
        ]

    async def list(self, request: Request) -> Response:
        return listing(await self._templates.page(*page(request)), models.template)

    async def create(self, request: Request) -> Response:
        body = await bodies.read(request, bodies.CreateTemplate, self._most_bytes)
        required(name=body.name)
        row = await self._templates.create(str(body.name), body.engine, body.settings)
        return answer(models.template(row), 201)

    async def get(self, request: Request) -> Response:
        return answer(models.detail(self._templates.row(_template_id(request))))

    async def patch(self, request: Request) -> Response:
        template_id = _template_id(request)
        body = await bodies.read(request, bodies.PatchTemplate, self._most_bytes)
        if body.name == "":
            raise GatewayError("VALIDATION_ERROR", "name must not be empty")
        row = await self._templates.patch(template_id, body.name, body.description, body.is_active, body.settings)
        return answer(models.detail(row))

    async def delete(self, request: Request) -> Response:
        template_id = _template_id(request)
        await self._templates.delete(template_id)
        return answer({"status": "ok", "template_id": template_id})

    async def capabilities(self, request: Request) -> Response:
        row = self._templates.row(_template_id(request))
        return answer([models.capability(row, each) for each in row["capabilities"]])

    async def add_capability(self, request: Request) -> Response:
        template_id = _template_id(request)
        body = await bodies.read(request, bodies.AddCapability, self._most_bytes)
        required(kind=body.kind, name=body.name)
        config = {} if body.config is None else body.config
        enabled = bool(body.enabled)
        view = await self._templates.add_capability(template_id, str(body.kind), str(body.name), enabled, config)
        return answer(view, 201)

    async def delete_capability(self, request: Request) -> Response:
        template_id, id_ = _template_id(request), uuid_of(request.path_params["id"], "capability_id")
        await self._templates.delete_capability(template_id, id_)
        return answer({"status": "ok", "template_id": template_id, "id": id_})

    async def startup_files(self, request: Request) -> Response:
        return answer(models.startup_files(self._templates.row(_template_id(request))))

    async def add_startup_file(self, request: Request) -> Response:
        template_id = _template_id(request)
        body = await bodies.read(request, bodies.AddStartupFile, self._most_bytes)
        required(path=body.path)
        view = await self._templates.add_startup_file(template_id, str(body.path), body.order_index or 0, body.mode)
        return answer(view, 201)

    async def delete_startup_file(self, request: Request) -> Response:
        template_id, id_ = _template_id(request), uuid_of(request.path_params["id"], "startup_file_id")
        await self._templates.delete_startup_file(template_id, id_)
        return answer({"status": "ok", "template_id": template_id, "id": id_})

    async def modules(self, request: Request) -> Response:
        return answer(self._templates.row(_template_id(request))["exposed_modules"])

    async def add_module(self, request: Request) -> Response:
        template_id, name = await self._name(request)
        await self._templates.add_module(template_id, name)
        return answer({"template_id": template_id, "name": name}, 201)

    async def remove_module(self, request: Request) -> Response:
        template_id, name = _template_id(request), request.path_params["name"]
        await self._templates.remove_module(template_id, name)
        return answer({"status": "ok", "template_id": template_id, "name": name})

    async def libraries(self, request: Request) -> Response:
        return answer(self._templates.row(_template_id(request))["libraries"])

    async def add_library(self, request: Request) -> Response:
        template_id, name = await self._name(request)
        await self._templates.add_library(template_id, name)
        return answer({"template_id": template_id, "name": name}, 201)

    async def remove_library(self, request: Request) -> Response:
        template_id, name = _template_id(request), request.path_params["name"]
        await self._templates.remove_library(template_id, name)
        return answer({"status": "ok", "template_id": template_id, "name": name})

    async def _name(self, request: Request) -> tuple[str, str]:
        template_id = _template_id(request)
        body = await bodies.read(request, bodies.AddName, self._most_bytes)
        required(name=body.name)
        return template_id, str(body.name)


def _template_id(request: Request) -> str:
    return uuid_of(request.path_params["template_id"], "template_id")
