"""What the tester's console refuses.

DomainError
├── Conflict: WorldPresent (loading)
├── NoSuchFault     the cabinet cannot be broken that way
├── CabinetDark     no power at the cabinet: nothing answers at its screen
└── TryAgain: CabinetsAway   the simulated cabinets do not answer
"""

from marketplace.kernel.errors import N_, Conflict, InvalidInput, TryAgain


class NoSuchFault(InvalidInput):
    code = "no_such_fault"
    message = N_("柜机没有这种故障：%(why)s")


class CabinetDark(Conflict):
    code = "no_power"
    message = N_("柜机没有电，屏幕不亮")


class CabinetsAway(TryAgain):
    message = N_("模拟柜机没有应答")
