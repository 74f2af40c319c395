"""What telemetry refuses, by name.

InvalidInput
└── UnknownDecision
Conflict
└── AlreadyDecided
"""

from marketplace.kernel.errors import N_, Conflict, InvalidInput


class UnknownDecision(InvalidInput):
    code = "unknown_decision"
    message = N_("没有这种处理方式：%(decision)s")


class AlreadyDecided(Conflict):
    code = "already_decided"
    message = N_("这次超温已经处理过了")
