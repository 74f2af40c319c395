"""The types of message a device sends, and their bodies. A type outside this list is kept as it is."""

from enum import StrEnum


class Kind(StrEnum):
    READING = "reading"  # zone, probe, c, raw_c, open (a door of the zone stands open)
    BOOT = "boot"  # firmware, generation, doors: {no: state}
    # Doors: door, and when known purpose, allocation, group; `tx` of the opening. See doors.DoorFact.
    DOOR_PULSED = "door.pulsed"
    DOOR_OPENED = "door.opened"
    DOOR_ALREADY_OPEN = "door.already_open"
    DOOR_CLOSED = "door.closed"
    DOOR_JAMMED = "door.jammed"
    DOOR_AJAR = "door.ajar"
    DOOR_FORCED = "door.forced"
    DOOR_UNKNOWN = "door.unknown"
    DOOR_FOUND_OPEN = "door.found_open"
    CODE_ATTEMPT = "code.attempt"  # entry, ok, reason, group, doors
    LOCKED_OUT = "lockout"  # errors, until
    COMMAND_RESULT = "cmd.result"  # action, result, reason, door
    CONFIG_APPLIED = "cfg.applied"  # version, conflicts: [{door, allocation, holds}]
    CONFIG_REFUSED = "cfg.refused"  # version, reason
    DEPOSITED = "parcel.deposited"  # door, allocation, group, courier, weight_g: confirmed at the screen
    PUT_BACK = "parcel.put_back"  # door, allocation: the recipient refuses, before the door closes
    REMOVED = "parcel.removed"  # door, allocation, courier: taken out by courier or operator
    TOKEN_REFUSED = "token.refused"  # reason
    ALARM = "alarm"  # kind and what belongs to it
    HEARTBEAT = "heartbeat"  # uptime_s, outbox, firmware, cfg
    DOOR_STATES = "doors"  # doors: {no: state}, asof: [boot, seq]
    CONNECTION = "conn"  # online


class Purpose(StrEnum):
    """Why a door is opened; the server judges the opening by it."""

    DEPOSIT = "deposit"
    COLLECT = "collect"
    ASSIST = "assist"  # the station or support opens for the recipient
    RECALL = "recall"  # the courier takes an overdue or recalled parcel out
    INSPECT = "inspect"


class Entry(StrEnum):
    """How an attempt to open reached the device. Keypad and phone share one lock-out; QR is never locked."""

    KEYPAD = "keypad"
    PHONE = "phone"
    QR = "qr"


class Result(StrEnum):
    """The end of a command or an opening."""

    DONE = "done"
    REFUSED = "refused"
    JAMMED = "jammed"
    UNKNOWN = "unknown"
    ALREADY_OPEN = "already_open"
