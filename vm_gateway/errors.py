"""Owns every way in which the gateway says no, each with its code and HTTP status; refuses to know who asked and how.

`code` is the stable part (contract 2.1, 18.7); the message is a sentence for a person and says what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> HTTP status. A code that is not here cannot be raised.
STATUS: dict[str, int] = {
    "INVALID_REQUEST": 400,
    "VALIDATION_ERROR": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN_HOST": 403,
    "FORBIDDEN_ORIGIN": 403,
    "NOT_FOUND": 404,
    "TEMPLATE_NOT_FOUND": 404,
    "CAPABILITY_NOT_FOUND": 404,
    "STARTUP_FILE_NOT_FOUND": 404,
    "SESSION_NOT_FOUND": 404,
    "EXECUTION_NOT_FOUND": 404,
    "FILE_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "TEMPLATE_NAME_CONFLICT": 409,
    "TEMPLATE_PROTECTED": 409,
    "TEMPLATE_INACTIVE": 409,
    "CAPABILITY_CONFLICT": 409,
    "STARTUP_FILE_CONFLICT": 409,
    "SESSION_NOT_READY": 409,
    "SESSION_BUSY": 409,
    "EXECUTION_NOT_RUNNING": 409,
    "BODY_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "INVALID_PATH": 422,
    "OUTPUT_LIMIT_EXCEEDED": 422,
    "STARTUP_MODE_UNSUPPORTED": 422,
    "STARTUP_FAILED": 422,
    "ENGINE_UNSUPPORTED": 422,
    "MODULE_NOT_ALLOWED": 422,
    "LIBRARY_NOT_ALLOWED": 422,
    "LIBRARY_NOT_CACHED": 422,
    "TOO_MANY_SESSIONS": 429,
    "TOO_MANY_RUNNING": 429,
    "INTERNAL": 500,
    "LEDGER_UNAVAILABLE": 503,
    "SHUTTING_DOWN": 503,
}


class GatewayError(Exception):
    """A refusal. `details` is an object for programs: ids, and what would have been accepted."""

    def __init__(self, code: str, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})

    @property
    def status(self) -> int:
        return STATUS[self.code]

    @property
    def callers_fault(self) -> bool:
        """Whether another request could have succeeded; otherwise the gateway or its disk is to blame."""
        return self.status < 500


def template_not_found(template_id: str) -> GatewayError:
    return GatewayError("TEMPLATE_NOT_FOUND", "Template not found", {"template_id": template_id})


def session_not_found(session_id: str) -> GatewayError:
    return GatewayError("SESSION_NOT_FOUND", "Session not found", {"session_id": session_id})


def execution_not_found(execution_id: str) -> GatewayError:
    return GatewayError("EXECUTION_NOT_FOUND", "Execution not found", {"execution_id": execution_id})


def session_not_ready(session_id: str, status: str, last_error: str = "") -> GatewayError:
    """The session exists and cannot take code; says why and what helps."""
    hint = {
        "starting": "it is starting; try again when it is ready",
        "crashed": "restart it or create a new session",
        "closed": "create a new session",
    }.get(status, "create a new session")
    why = f" ({last_error})" if last_error else ""
    return GatewayError("SESSION_NOT_READY", f"Session is {status}{why}: {hint}", {"session_id": session_id})


def session_busy(session_id: str) -> GatewayError:
    message = "Session is busy: an execution is running; wait for its end or cancel it"
    return GatewayError("SESSION_BUSY", message, {"session_id": session_id})


def invalid_path(message: str, details: Mapping[str, object] | None = None) -> GatewayError:
    return GatewayError("INVALID_PATH", message, details)


def ledger_unavailable(reason: str) -> GatewayError:
    return GatewayError("LEDGER_UNAVAILABLE", reason)


def shutting_down() -> GatewayError:
    return GatewayError("SHUTTING_DOWN", "The gateway is shutting down: start it again, then repeat the request")
