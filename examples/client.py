"""Owns twenty lines that run JavaScript cells from Python, and a look at their record; refuses to be more than a model.

Usage: python examples/client.py. The kernel is the one that `vm-gateway kernelspec install` put there; a gateway
(`vm-gateway serve`) shows the record and is not needed to make it.
"""

from jupyter_client.manager import start_new_kernel

from vm_gateway.client import ApiError, Client

CELLS = [
    "const squares = await Promise.all([1, 2, 3].map(async (n) => n * n)); squares",
    "console.log(`${squares.length} squares`); console.warn('kept apart')",
    "squares.missing.property",
    "squares.at(-1)",
]

manager, kernel = start_new_kernel(kernel_name="javascript-vm")
try:
    for cell in CELLS:
        print(">", cell, flush=True)
        kernel.execute_interactive(cell, timeout=30)  # prints what comes, as it comes
        print(flush=True)
finally:
    kernel.stop_channels()
    manager.shutdown_kernel()

try:
    with Client() as gateway:
        session = next(each for each in gateway.sessions() if each["workspace_id"] == "jupyter")
        print("session", session["id"], session["status"])
        for execution in reversed(gateway.executions(session["id"])):
            ended = execution.get("result") or execution.get("error") or {}
            print(execution["status"], ended.get("preview", ended.get("message")), sep="\t")
except ApiError as error:
    print(f"The record is in the ledger; no gateway shows it now: {error.message}")
