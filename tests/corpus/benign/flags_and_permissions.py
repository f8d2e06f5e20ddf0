from enum import Flag, IntEnum, StrEnum, auto, unique


class Permission(Flag):
    READ = auto()
    WRITE = auto()
    ADMIN = auto()
    EDITOR = READ | WRITE
    ALL = READ | WRITE | ADMIN


@unique
class Severity(IntEnum):
    LOW = 10
    HIGH = 20

    def __str__(self):
        return self.name.lower()


class Action(StrEnum):
    VIEW = auto()
    EDIT = auto()
    DELETE = "remove"

    @property
    def needs(self) -> Permission:
        return {Action.VIEW: Permission.READ, Action.EDIT: Permission.EDITOR}.get(self, Permission.ALL)


async def workflow(user):
    "use workflow"
    names = await steps.roles(user)
    granted = Permission(0)
    for name in names:
        granted |= Permission[name.upper()]
    granted ^= Permission.ADMIN
    verdicts = {action.value: granted & action.needs == action.needs for action in Action}
    return {
        "granted": granted.value, "verdicts": verdicts, "low": f"{Severity.LOW}", "sum": Severity.LOW + Severity.HIGH,
        "order": [s.name for s in sorted(Severity, reverse=True)], "members": list(Permission.__members__),
        "has": Permission.READ in granted, "missing": bool(~granted & Permission.ADMIN), "text": str(Action.DELETE),
    }
