"""Repairs of a child that somebody keeps changing become slower."""

from tradebot_operator.damper import FREE, PACE, Damper


def test_a_new_manifest_never_waits_and_endless_repairs_slow_down() -> None:
    now = 0.0
    damper = Damper(lambda: now)
    damper.applied("d", "one")
    for _ in range(FREE):
        assert damper.wait("d", "one") == 0
        damper.applied("d", "one")
    assert damper.wait("d", "one") == PACE
    assert damper.wait("d", "two") == 0, "a change of the TradeBot is no repair"
    now = PACE + 1
    assert damper.wait("d", "one") == 0
