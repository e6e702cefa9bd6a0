"""Progress bars of long runs."""

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn


def counting(console: Console) -> Progress:
    """Returns a line per task: its name, a bar, the count, and the time left."""
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
