"""Where the time comes from when nobody says otherwise."""

from datetime import UTC, datetime, timedelta

from allmysms_async.clock import SystemClock


async def test_system_clock_is_aware_and_moves():
    """The machine's clock gives an aware moment, never goes back, and sleeps."""
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.monotonic() > before
    assert clock.now().utcoffset() == timedelta(0)
    earlier = datetime.now(UTC)
    assert earlier <= clock.now() <= datetime.now(UTC)
