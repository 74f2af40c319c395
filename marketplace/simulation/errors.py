"""What the tester's console refuses.

DomainError
├── Conflict: WorldPresent (loading)
├── NoSuchFault     the cabinet cannot be broken that way
├── CabinetDark     no power at the cabinet: nothing answers at its screen
├── DoorIsShut      nothing can be laid behind a door that does not stand open
└── TryAgain: CabinetsAway   the simulated cabinets do not answer
"""

from marketplace.kernel.errors import N_, Conflict, InvalidInput, TryAgain


class NoSuchFault(InvalidInput):
    code = "no_such_fault"
    message = N_("柜机没有这种故障：%(why)s")


class CabinetDark(Conflict):
    code = "no_power"
    message = N_("柜机没有电，屏幕不亮")


class DoorIsShut(Conflict):
    code = "door_shut"
    message = N_("柜门没有打开，放不进去")


class CabinetsAway(TryAgain):
    message = N_("模拟柜机没有应答")
