class GivenUp(Exception):
    def __init__(self, attempts, last):
        super().__init__(f"gave up after {attempts} attempts: {last}")
        self.attempts = attempts
        self.last = last


class QuotaExceeded(GivenUp):
    pass


async def with_retries(call, *, attempts=5, base=2.0):
    last = None
    for attempt in range(1, attempts + 1):
        try:
            return await call()
        except FatalError:
            raise
        except StepError as error:
            last = error
            pause = min(60, base**attempt) * random.uniform(0.5, 1.5)
            print(f"attempt {attempt} failed ({error}); again in {pause:.1f} s")
            await sleep(pause)
    raise GivenUp(attempts, last) from last


async def workflow(urls):
    "use workflow"
    pages = {}
    for url in urls:
        try:
            pages[url] = await with_retries(lambda url=url: steps.download(url), attempts=3)
        except QuotaExceeded:
            break
        except GivenUp as error:
            pages[url] = None
            print(error, error.attempts)
    else:
        print("all done")
    return pages
