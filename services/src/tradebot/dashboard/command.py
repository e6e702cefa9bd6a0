"""`tradebot dashboard`."""

from tradebot.dashboard.settings import DashboardSettings
from tradebot.platform.settings import command as settings_command


def run(settings: DashboardSettings) -> None:
    """Serves the page until SIGTERM or SIGINT."""
    from tradebot.dashboard import stage  # `--help` loads no web server

    stage.run(settings)


command = settings_command(
    DashboardSettings,
    run,
    name="dashboard",
    summary="A page that shows the line as it moves.",
    example="tradebot dashboard --port 8080 --stages ingest=http://127.0.0.1:9101",
)
