"""What the demo shows in the terminal: a live table, or plain lines without a terminal."""

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradebot.demo.process import StageProcess


def _state(process: StageProcess) -> Text:
    if not process.reasons:
        return Text("ready", style="green")
    style = "red" if "ended" in process.reasons else "yellow"
    return Text("; ".join(process.reasons.values()), style=style)


def panel(processes: list[StageProcess], elapsed: float, page: str) -> Group:
    """Renders the page's address, and a row per stage."""
    ready = all(not process.reasons for process in processes)
    headline = f"{page}  ·  {elapsed:.0f} s  ·  press Ctrl-C to stop" if ready else "starting …"
    view = Table(box=None, pad_edge=False)
    for heading in ("stage", "state", "restarts", "MiB"):
        view.add_column(heading, justify="right" if heading in ("restarts", "MiB") else "left")
    for process in processes:
        memory = f"{process.memory_mib():.0f}"
        view.add_row(process.stage.name, _state(process), str(process.restarts), memory)
    return Group(Text(headline, style="bold"), view)


class TerminalView:
    """A live table on a terminal; elsewhere one line per change of a stage's state."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=False)
        self._told: dict[str, str] = {}
        self._told_all = False

    def __enter__(self) -> "TerminalView":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, processes: list[StageProcess], elapsed: float, page: str) -> None:
        """Shows the present state of the stages."""
        if self._console.is_terminal:
            self._live.update(panel(processes, elapsed, page))
            return
        for process in processes:
            state = _state(process).plain
            if self._told.get(process.stage.name) != state:
                self._told[process.stage.name] = state
                self._print(f"{elapsed:6.1f} s  {process.stage.name:10} {state}")
        if not self._told_all and all(not process.reasons for process in processes):
            self._told_all = True
            self._print(f"{elapsed:6.1f} s  all stages are ready: {page}")

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)
