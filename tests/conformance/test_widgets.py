"""The widget of examples/widgets.ipynb, driven through jupyter_client as a front end with anywidget drives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from tests.test_frame import ROOT

Message = dict[str, Any]
VIEW = "application/vnd.jupyter.widget-view+json"


class FrontEnd:
    """A kernel client that keeps what is published until somebody asks for it."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def published(self, msg_id: str) -> list[Message]:
        """All that is published for a request, up to its idle."""
        found: list[Message] = []
        while not found or found[-1]["content"].get("execution_state") != "idle":
            message = self.client.get_iopub_msg(timeout=20)
            if message["parent_header"].get("msg_id") == msg_id:
                found.append(message)
        return found[1:-1]

    def run(self, code: str) -> list[Message]:
        published = self.published(self.client.execute(code))
        assert not [m for m in published if m["msg_type"] == "error"], published
        return published

    def say(self, comm_id: str, data: Message, buffers: list[bytes] | None = None) -> list[Message]:
        message = self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        self.client.session.send(self.client.shell_channel.socket, message, buffers=buffers)
        return self.published(message["header"]["msg_id"])


@pytest.fixture(scope="module")
def front_end(jupyter: None) -> Iterator[FrontEnd]:
    manager, client = start_new_kernel(kernel_name="javascript-vm")
    yield FrontEnd(client)
    client.stop_channels()
    manager.shutdown_kernel()


def of(published: list[Message], msg_type: str) -> list[Message]:
    return [message for message in published if message["msg_type"] == msg_type]


def test_the_example_opens_shows_hears_and_echoes(front_end: FrontEnd) -> None:
    cells = nbformat.read(ROOT / "examples" / "widgets.ipynb", as_version=4).cells
    published = [front_end.run(cell.source) for cell in cells if cell.cell_type == "code"]

    (opened,) = of(published[1], "comm_open")
    assert opened["metadata"] == {"version": "2.1.0"} and opened["content"]["target_name"] == "jupyter.widget"
    state = opened["content"]["data"]["state"]
    assert (state["_model_module"], state["_model_name"], state["_view_name"]) == ("anywidget", "AnyModel", "AnyView")
    assert "render({ model, el })" in state["_esm"] and state["count"] == 0
    comm_id = opened["content"]["comm_id"]
    (shown,) = of(published[1], "execute_result")
    assert shown["content"]["data"][VIEW] == {"version_major": 2, "version_minor": 1, "model_id": comm_id}
    assert shown["content"]["data"]["text/plain"].startswith("a widget")
    (display,) = of(published[2], "display_data")

    clicked = front_end.say(comm_id, {"method": "update", "state": {"count": 3}, "buffer_paths": []})
    (echo,) = of(clicked, "comm_msg")
    assert echo["content"]["data"] == {"method": "echo_update", "state": {"count": 3}, "buffer_paths": []}
    (update,) = of(clicked, "update_display_data")
    assert update["content"]["transient"] == display["content"]["transient"]
    assert "<b>3</b>" in update["content"]["data"]["text/html"]

    tenth = front_end.say(comm_id, {"method": "update", "state": {"count": 10}, "buffer_paths": []})
    assert [m["content"]["data"]["method"] for m in of(tenth, "comm_msg")] == ["echo_update", "update"]
    assert of(tenth, "comm_msg")[1]["content"]["data"]["state"] == {"count": 0}

    (whole,) = of(front_end.say(comm_id, {"method": "request_state"}), "comm_msg")
    assert whole["content"]["data"]["state"] == state


def test_nbclient_keeps_the_state_of_the_example_in_the_notebook() -> None:
    notebook = nbformat.read(ROOT / "examples" / "widgets.ipynb", as_version=4)
    NotebookClient(notebook, timeout=60, kernel_name="javascript-vm").execute()
    (model,) = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].items()
    assert model[1]["model_name"] == "AnyModel" and model[1]["state"]["count"] == 0
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ()) if VIEW in output.get("data", {})]
    assert [output["data"][VIEW]["model_id"] for output in shown] == [model[0]]


def test_bytes_of_the_state_travel_as_buffers(front_end: FrontEnd) -> None:
    published = front_end.run(
        "const picture = new Widget({ esm: 'export default {}', state: { pixels: new Uint8Array([1, 2, 3]), n: 1 } });"
        "picture.on('pixels', (bytes) => console.log(bytes.length));"
        "picture.on('custom', (content) => console.log(content.kind))"
    )
    (opened,) = of(published, "comm_open")
    data, comm_id = opened["content"]["data"], opened["content"]["comm_id"]
    assert data["buffer_paths"] == [["pixels"]] and "pixels" not in data["state"]
    assert [bytes(buffer) for buffer in opened["buffers"]] == [b"\1\2\3"]
    heard = front_end.say(
        comm_id, {"method": "update", "state": {}, "buffer_paths": [["pixels"]]}, [b"abcd"]
    )
    assert of(heard, "stream")[0]["content"]["text"] == "4\n"
    assert [bytes(buffer) for buffer in of(heard, "comm_msg")[0]["buffers"]] == [b"abcd"]
    custom = front_end.say(comm_id, {"method": "custom", "content": {"kind": "click"}})
    assert of(custom, "stream")[0]["content"]["text"] == "click\n"
    assert of(front_end.run("picture.close()"), "comm_close")[0]["content"]["comm_id"] == comm_id
