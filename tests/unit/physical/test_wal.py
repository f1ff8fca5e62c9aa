"""Gaps in a WAL archive."""

from __future__ import annotations

from pyinfra_pgmigrate.physical.wal import gap, newest_segment, timeline

SEGMENT_BYTES = 16 * 1024**2


def test_a_timeline_is_hexadecimal() -> None:
    assert timeline("0000000A0000000000000002") == 10


class TestGap:
    START = "0000000100000000000000FE"

    def test_nothing_is_missing_over_the_end_of_a_file_number(self) -> None:
        there = ["0000000100000000000000FE", "0000000100000000000000FF", "000000010000000100000000"]

        assert gap(there, self.START, there[-1], SEGMENT_BYTES) is None
        assert gap(there, self.START, "000000010000000100000001", SEGMENT_BYTES) == "000000010000000100000001"

    def test_the_first_one_that_is_missing_is_named(self) -> None:
        there = ["0000000100000000000000FE", "000000010000000100000000"]

        assert gap(there, self.START, there[-1], SEGMENT_BYTES) == "0000000100000000000000FF"
        # Segments of 64 MiB: there is no FF.
        assert gap(there, "00000001000000000000003F", "000000010000000100000000", 4 * SEGMENT_BYTES) == (
            "00000001000000000000003F"
        )

    def test_another_timeline_does_not_count(self) -> None:
        there = ["0000000100000000000000FE", "0000000200000000000000FF", "0000000100000000000000FF.partial"]

        assert newest_segment(there, self.START) == self.START
        assert newest_segment([], self.START) == self.START
        assert gap(there, self.START, "0000000100000000000000FF", SEGMENT_BYTES) == "0000000100000000000000FF"
