"""Twilio (REST API 2010-04-01): texts and calls outside mainland China, and what it calls back with."""

from typing import Final

NAME: Final = "twilio"
#: what we are called back at; the composition root mounts these
MESSAGE_PATH: Final = "/hooks/twilio/message"  #: what became of a text
CALL_PATH: Final = "/hooks/twilio/call"  #: what became of a call
ANSWERED_PATH: Final = "/hooks/twilio/answered"  #: by a person or by a machine
KEY_PATH: Final = "/hooks/twilio/key"  #: a key pressed during a call
REPLY_PATH: Final = "/hooks/twilio/reply"  #: a text to our number
#: the query's name for the attempt's short number; it is signed with the rest of the address
ATTEMPT: Final = "attempt"
