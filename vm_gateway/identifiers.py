"""Owns how an id or a number in a request is read; refuses to know what it names."""

from __future__ import annotations

import re

from .errors import GatewayError

_HEX = "[0-9a-fA-F]"
_DASHED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
#: The four ways in which a UUID is written: plain, `urn:uuid:`, in braces, without dashes.
_UUID = re.compile(rf"(?:urn:uuid:)?({_DASHED})|\{{({_DASHED})\}}|({_HEX}{{32}})", re.IGNORECASE)
_WHOLE = re.compile(r"\+?[0-9]{1,19}")
LARGEST = (1 << 63) - 1


def uuid_of(text: str, name: str) -> str:
    """`text` trimmed and parsed as a UUID of any version, in lower case with dashes. Raises: VALIDATION_ERROR."""
    found = _UUID.fullmatch(text.strip())
    if found is None:
        raise GatewayError("VALIDATION_ERROR", f"{name} must be a valid UUID")
    digits = next(group for group in found.groups() if group).lower().replace("-", "")
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def whole_number(text: str | None, name: str, default: int | None, at_least: int) -> int | None:
    """A query parameter as a number; `default` when it is absent or empty. Raises: VALIDATION_ERROR."""
    if not text:
        return default
    number = int(text) if _WHOLE.fullmatch(text) else -1
    if not at_least <= number <= LARGEST:
        kind = "a positive integer" if at_least else "a non-negative integer"
        raise GatewayError("VALIDATION_ERROR", f"{name} must be {kind}")
    return number


def required(**fields: str | None) -> None:
    """Missing and empty are the same. Raises: VALIDATION_ERROR with the first name that has no text."""
    missing = [name for name, value in fields.items() if not value]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise GatewayError("VALIDATION_ERROR", f"{', '.join(missing)} {verb} required")
