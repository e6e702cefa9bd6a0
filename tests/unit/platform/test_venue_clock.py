"""The venue's clock: a stray timestamp changes nothing, a jump of the time is followed."""

from hypothesis import given
from hypothesis import strategies as st

from tradebot.platform.clock import AHEAD_SECONDS, BEHIND_SECONDS, FIRST_SECONDS, VenueClock

HOUR = 3_600_000
NOON = 1_609_502_400_000


class Line:
    """A venue that stamps messages, and real seconds that pass."""

    def __init__(self, speed: float = 1.0) -> None:
        self.seconds = 0.0
        self.speed = speed
        self.clock = VenueClock(speed, monotonic=lambda: self.seconds)
        self.clock.observe(NOON)
        self.seconds = FIRST_SECONDS
        self.clock.observe(NOON + int(1000 * speed * FIRST_SECONDS))

    def live(self, seconds: float, ahead: int = 0, pace: float = 1.0) -> None:
        """Passes messages each half second, stamped by a venue that is `ahead` of the true time."""
        begin = NOON + int(self.seconds * 1000 * self.speed) + ahead
        for step in range(1, int(seconds * 2) + 1):
            self.seconds += 0.5
            self.clock.observe(begin + int(step * 500 * self.speed * pace))

    def error(self) -> float:
        """Returns how far the clock is ahead of the true time, in real seconds."""
        true = NOON + self.seconds * 1000 * self.speed
        return (self.clock.now() - true) / 1000 / self.speed


def test_a_venue_that_jumps_ahead_is_followed_when_it_has_kept_pace_for_a_moment() -> None:
    for speed in (1.0, 30.0):
        line = Line(speed)
        line.live(AHEAD_SECONDS, ahead=int(HOUR * speed))
        assert abs(line.error()) < 1, "a few stray stamps would look the same"
        line.live(1, ahead=int(HOUR * speed))
        assert abs(line.error() - 3600) < 1


@given(st.lists(st.sampled_from([NOON + HOUR, NOON + 365 * 24 * HOUR, 2**42]), max_size=20))
def test_stamps_from_the_future_between_good_ones_change_nothing(strays: list[int]) -> None:
    line, clean = Line(), Line()
    for stray in strays:
        line.clock.observe(stray)
        line.live(0.5)
        clean.live(0.5)
        assert line.clock.now() == clean.clock.now()
        assert line.clock.silence() == clean.clock.silence()


def test_a_first_stamp_from_the_future_yields_to_the_next_good_one() -> None:
    seconds = 0.0
    clock = VenueClock(monotonic=lambda: seconds)
    clock.observe(NOON + 365 * 24 * HOUR)
    assert not clock.settled, "one stamp may be wrong"
    clock.observe(NOON)
    assert (clock.now(), clock.settled) == (NOON, False)
    clock.observe(NOON + 1)
    assert not clock.settled
    seconds = FIRST_SECONDS
    clock.observe(NOON + 1000)
    assert (clock.now(), clock.settled) == (NOON + 1000, True)


def test_stray_stamps_do_not_make_a_silent_feed_look_alive() -> None:
    line = Line()
    line.seconds += 7
    line.clock.observe(NOON + HOUR)
    assert line.clock.silence() == 7


def test_a_venue_that_jumps_ahead_and_back_is_followed_back_after_half_a_minute() -> None:
    for speed in (1.0, 60.0):
        line = Line(speed)
        line.live(20, ahead=int(HOUR * speed))
        line.live(BEHIND_SECONDS + 1)
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
    line.live(2 * BEHIND_SECONDS + 2)
    assert abs(line.error()) <= 5.5
