"""Deviations: what a frame does otherwise than the standard, by name (sections 7 and 10).

They are stored with the record and counted by device: a new one on an old device is a maintenance hint.
"""

from enum import StrEnum


class Deviation(StrEnum):
    """One way in which a well-formed frame departs from GB/T 26875.3-2011."""

    MAJOR_VERSION_NOT_1 = "major_version_not_1"
    FRAME_TIME_INVALID = "frame_time_invalid"
    OBJECT_TIME_INVALID = "object_time_invalid"
    OBJECT_TIME_MISSING = "object_time_missing"
    OBJECT_TIME_UNEXPECTED = "object_time_unexpected"
    COUNT_ZERO = "count_zero"
    COUNT_MISMATCH = "count_mismatch"
    EXTRA_BYTES = "extra_bytes"
    BODY_SIZE = "body_size"
    EMPTY_APP_DATA = "empty_app_data"
    SHORT_APP_DATA = "short_app_data"
    CONFIRM_WITH_APP_DATA = "confirm_with_app_data"
    USER_TYPE = "user_type"
    RESERVED_TYPE = "reserved_type"
    USER_COMMAND = "user_command"
    RESERVED_COMMAND = "reserved_command"
    COMMAND_TYPE_MISMATCH = "command_type_mismatch"
    STATE_BIT0_CLEAR = "state_bit0_clear"
    RESERVED_STATE_BITS = "reserved_state_bits"
    VALUE_OUT_OF_RANGE = "value_out_of_range"
    LEADING_NUL_TEXT = "leading_nul_text"
    STALE_BYTES_AFTER_TEXT = "stale_bytes_after_text"
    TEXT_PADDED_FF = "text_padded_ff"
    TEXT_CUT_MID_CHARACTER = "text_cut_mid_character"
    TEXT_UNDECODABLE = "text_undecodable"
