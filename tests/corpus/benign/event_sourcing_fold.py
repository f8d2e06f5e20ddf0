from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Union


@dataclass(frozen=True)
class Opened:
    owner: str


@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Withdrawn:
    amount: int
    fee: int = 0


Event = Union[Opened, Deposited, Withdrawn]


@dataclass(frozen=True)
class Account:
    owner: str = ""
    balance: int = 0
    version: int = 0


@singledispatch
def apply(event, account: Account) -> Account:
    raise TypeError(f"no rule for {type(event).__name__}")


@apply.register
def _(event: Opened, account: Account) -> Account:
    return replace(account, owner=event.owner)


@apply.register
def _(event: Deposited, account):
    return replace(account, balance=account.balance + event.amount)


@apply.register(Withdrawn)
def on_withdrawn(event, account):
    if (rest := account.balance - event.amount - event.fee) < 0:
        raise ValueError(f"insufficient funds: {account.balance} < {event.amount + event.fee}")
    return replace(account, balance=rest)


KINDS = {cls.__name__.lower(): cls for cls in (Opened, Deposited, Withdrawn)}


def parse(raw: dict) -> Event:
    data = dict(raw)
    return KINDS[data.pop("type")](**data)


async def workflow(account_id):
    "use workflow"
    account, rejected = Account(), []
    for raw in await steps.read_events(account_id):
        try:
            account = replace(apply(parse(raw), account), version=account.version + 1)
        except (ValueError, KeyError, TypeError) as exc:
            rejected.append(f"{type(exc).__name__}: {exc}")
    await steps.snapshot(account_id, account)
    return account, rejected
