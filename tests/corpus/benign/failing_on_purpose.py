class Unrecoverable(FatalError):
    def __init__(self, account, *, attempts):
        super().__init__(f"account {account} could not be closed after {attempts} attempts")


async def close(account):
    for attempt in range(1, 4):
        try:
            return await steps.close_account(account)
        except StepError as error:
            last = error
            await sleep(2**attempt)
    raise Unrecoverable(account, attempts=attempt) from last


async def workflow(accounts):
    "use workflow"
    closed = []
    try:
        for account in accounts:
            closed.append(await close(account))
            print("closed", account)
    finally:
        await steps.report(closed)
        print(f"{len(closed)} of {len(accounts)}")
