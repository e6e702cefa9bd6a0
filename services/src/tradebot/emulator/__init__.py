"""A Gemini exchange on this machine: REST, sockets, matching, accounts and injected faults."""

from tradebot.platform.stages import Demo, Stage

STAGE = Stage(
    name="emulator",
    order=0,
    summary="run a Gemini exchange emulator on this machine",
    example="tradebot emulator --port 8090 --speed 30 --seed 7",
    settings="tradebot.emulator.settings:EmulatorSettings",
    run="tradebot.emulator.server:serve",
    demo=Demo(takes=("seed", "market", "faults"), serves=True),
)
