import pytest

from instances.queue.throttle import Throttle

MB = 1_000_000


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_without_a_rate_nothing_waits(clock: Clock) -> None:
    throttle = Throttle(0, clock)
    assert throttle.delay(10**12) == 0


def test_the_stream_as_a_whole_keeps_the_rate(clock: Clock) -> None:
    throttle, begun = Throttle(2 * MB, clock), clock.now
    for _ in range(100):
        clock.now += throttle.delay(MB // 10) + 0.001
    assert clock.now - begun == pytest.approx(5.0, rel=0.03)


def test_a_stall_is_not_followed_by_a_burst(clock: Clock) -> None:
    throttle = Throttle(MB, clock)
    throttle.delay(MB)
    clock.now += 3600
    assert throttle.delay(2 * MB) == pytest.approx(1.5)


def test_two_threads_share_the_rate(clock: Clock) -> None:
    throttle = Throttle(MB, clock)
    assert [throttle.delay(MB), throttle.delay(MB)] == [pytest.approx(1.0), pytest.approx(2.0)]
