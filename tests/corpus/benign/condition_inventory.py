class Inventory:
    def __init__(self, stock):
        self._stock = dict(stock)
        self._changed = asyncio.Condition()

    async def take(self, item, amount):
        async with self._changed:
            await self._changed.wait_for(lambda: self._stock.get(item, 0) >= amount)
            self._stock[item] -= amount
            return amount

    async def add(self, item, amount):
        async with self._changed:
            self._stock[item] = self._stock.get(item, 0) + amount
            self._changed.notify_all()

    def snapshot(self):
        return {k: v for k, v in sorted(self._stock.items()) if v}


async def customer(name, inventory, item, amount, log):
    got = await inventory.take(item, amount)
    log.append(f"{name} took {got} {item}")
    await steps.ship(name, item, got)


async def supplier(inventory, log):
    for item, amount in (("pear", 2), ("apple", 3), ("pear", 5)):
        await sleep("5m")
        await inventory.add(item, amount)
        log.append(f"added {amount} {item}")


async def workflow():
    "use workflow"
    inventory, log = Inventory({"apple": 1}), []
    async with asyncio.TaskGroup() as group:
        group.create_task(supplier(inventory, log))
        group.create_task(customer("Ada", inventory, "apple", 3, log))
        group.create_task(customer("Bo", inventory, "pear", 4, log))
        group.create_task(customer("Cy", inventory, "apple", 1, log))
    return log, inventory.snapshot()
