"""`make dev`: the same stack stays up until Ctrl-C, for work on DAGs and for a look at the UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.deployment import Options, Stack
from stack.processes import port_is_free

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.interrupts import Interrupts
    from stack.layout import Layout

UI_PORT = 8080


def port() -> int | None:
    """Airflow's usual port, or None (take a free one) if something listens there."""
    return UI_PORT if port_is_free(UI_PORT) else None


def serve(layout: Layout, options: Options, interrupts: Interrupts, say: Callable[[str], None]) -> None:
    """Start the stack, say how to use it, and keep it up; raises `StoppedError` at Ctrl-C."""
    with Stack(layout, options, interrupts=interrupts, say=say) as stack:
        stack.wait_healthy()
        say("up; Ctrl-C ends everything")
        print(
            f"""
  Airflow    {stack.airflow.url}   user {stack.airflow.user}, password {stack.airflow.password}
  emulator   {stack.emulator_url}   (AWS for any client: --endpoint-url; its clock runs {options.speed:g} times faster)
  trigger    in the UI: Dags, a DAG's "Trigger" button, fill in the form
  edit       dags/ and include/ are read again within seconds; after an edit under plugins/ start `make dev` again
  logs       {layout.logs}
""",
            flush=True,
        )
        while True:
            stack.processes.check()
            interrupts.pause(1.0)
