"""Owns the way of requests to a gateway and back for a program that waits; refuses to know what they ask."""

from __future__ import annotations

import http.client
import select
import time

from .remote import REUSE_S, Received, Remote, Result, Sent, Steps


class Connection:
    """Requests to one gateway, one at a time; for one thread."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._kept: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def perform(self, steps: Steps[Result]) -> Result:
        """Takes them through. Raises: ApiError."""
        talk = self._remote.converse(steps)
        try:
            sent = next(talk)
            while True:
                sent = talk.send(self._exchange(sent))
        except StopIteration as end:
            result: Result = end.value
            return result

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _exchange(self, sent: Sent) -> Received:
        if self._kept is not None and (time.monotonic() - self._used_at > REUSE_S or _has_ended(self._kept)):
            self.close()
        try:
            if self._kept is None:
                kind = http.client.HTTPSConnection if self._remote.secure else http.client.HTTPConnection
                self._kept = kind(self._remote.host, self._remote.port, timeout=sent.timeout_s)
            self._kept.timeout = sent.timeout_s
            if self._kept.sock is None:
                self._kept.connect()
            self._kept.sock.settimeout(sent.timeout_s)
            self._kept.request(sent.method, sent.target, sent.data, sent.headers)
            response = self._kept.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._remote.trouble(error, sent.timeout_s) from None
        except BaseException:
            self.close()  # half an answer may be on its way
            raise
        self._used_at = time.monotonic()
        return Received(response.status, response.headers, content)


def _has_ended(connection: http.client.HTTPConnection) -> bool:
    """Whether its server closed it meanwhile, as one does that is started again."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
