"""Errors of the device wire.

ProtocolError
├── EnvelopeError        the message cannot be read
│   ├── Malformed
│   ├── TooLarge
│   └── UnknownVersion   kept by the device until the server learns that version
└── Refused              read well, and refused by a rule; `code` names the rule
"""


class ProtocolError(ValueError):
    """`code` is stable and goes over the wire; the text is for people who read logs."""

    code = "protocol"

    def __init__(self, text: str = "", *, code: str | None = None) -> None:
        if code is not None:
            self.code = code
        super().__init__(text or self.code)


class EnvelopeError(ProtocolError):
    code = "envelope"


class Malformed(EnvelopeError):
    code = "malformed"


class TooLarge(EnvelopeError):
    code = "too_large"


class UnknownVersion(EnvelopeError):
    code = "unknown_version"


class Refused(ProtocolError):
    code = "refused"
