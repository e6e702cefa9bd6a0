"""How long runs show how far they are."""

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn


def counting(console: Console) -> Progress:
    """A line a task: its name, a bar, how many of how many, and the time that is left."""
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
