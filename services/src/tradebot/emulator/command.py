"""`tradebot emulator`: a Gemini exchange on this machine."""

from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.settings import command as make_command


def run(settings: EmulatorSettings) -> None:
    """Serves the exchange until it is told to stop."""
    # Imported here so that `--help` does not load a web server.
    from tradebot.emulator.server import serve

    serve(settings)


command = make_command(
    EmulatorSettings,
    run,
    name="emulator",
    summary="A Gemini exchange on this machine: REST, sockets, matching and faults on demand",
    example="tradebot emulator --port 8090 --speed 30 --seed 7",
)
