"""The venue's clock: forward at once, back only where the venue's own time has gone back."""

from hypothesis import given
from hypothesis import strategies as st

from tradebot.platform.clock import SETTLE_SECONDS, VenueClock

HOUR = 3_600_000
NOON = 1_609_502_400_000


class Line:
    """A venue that stamps messages, and real seconds that pass."""

    def __init__(self, speed: float = 1.0) -> None:
        self.seconds = 0.0
        self.speed = speed
        self.clock = VenueClock(speed, monotonic=lambda: self.seconds)
        self.clock.observe(NOON)

    def live(self, seconds: float, ahead: int = 0, pace: float = 1.0) -> None:
        """Messages each half second, stamped by a venue whose time is `ahead` of the true one."""
        begin = NOON + int(self.seconds * 1000 * self.speed) + ahead
        for step in range(1, int(seconds * 2) + 1):
            self.seconds += 0.5
            self.clock.observe(begin + int(step * 500 * self.speed * pace))

    def error(self) -> float:
        """How far the clock is ahead of the true time, in real seconds."""
        true = NOON + self.seconds * 1000 * self.speed
        return (self.clock.now() - true) / 1000 / self.speed


def test_a_venue_that_jumps_ahead_is_followed_at_once() -> None:
    line = Line()
    line.live(1, ahead=HOUR)
    assert line.error() == 3600


def test_one_stamp_from_the_future_costs_half_a_minute_and_not_a_year() -> None:
    line = Line()
    line.clock.observe(NOON + 365 * 24 * HOUR)
    line.live(SETTLE_SECONDS - 1)
    assert line.error() > 3600, "nothing looks fresher than it is meanwhile"
    line.live(2)
    assert abs(line.error()) < 1


def test_a_venue_that_jumps_ahead_and_back_is_followed_back_after_half_a_minute() -> None:
    for speed in (1.0, 60.0):
        line = Line(speed)
        line.live(20, ahead=int(HOUR * speed))
        line.live(SETTLE_SECONDS + 1)
        assert abs(line.error()) < 1


def test_a_backlog_that_follows_a_long_silence_does_not_take_the_clock_back() -> None:
    line = Line()
    line.seconds += 3600
    for step in range(100):
        line.clock.observe(NOON + 1000 * step)
        line.seconds += 0.01
    assert abs(line.error()) < 1


def test_a_backlog_that_is_read_late_does_not_take_the_clock_back() -> None:
    line = Line()
    line.live(60)
    line.live(120, ahead=-HOUR, pace=25)
    assert line.error() > -1


def test_a_reader_that_falls_ever_further_behind_does_not_take_the_clock_back() -> None:
    line = Line()
    line.live(60)
    before = line.clock.now()
    line.live(600, ahead=-60_000, pace=0.5)
    assert line.clock.now() >= before


def test_messages_out_of_order_and_from_before_leave_the_clock_alone() -> None:
    line = Line()
    for _ in range(200):
        line.live(0.5)
        line.clock.observe(line.clock.now() - HOUR)
    assert abs(line.error()) < 1


def test_silence_is_measured_in_real_seconds_whatever_the_stamps_say() -> None:
    line = Line()
    line.clock.observe(NOON - HOUR)
    line.seconds += 7
    assert line.clock.silence() == 7


@given(
    st.lists(st.tuples(st.sampled_from([0, -HOUR, HOUR, -90_000]), st.integers(1, 50)), max_size=8)
)
def test_whatever_a_venue_did_the_clock_is_right_again_in_a_bounded_time(
    did: list[tuple[int, int]],
) -> None:
    line = Line()
    for ahead, seconds in did:
        line.live(seconds, ahead=ahead)
    line.live(2 * SETTLE_SECONDS + 2)
    assert abs(line.error()) <= 5.5
