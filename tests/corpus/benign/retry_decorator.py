import functools
import random as rnd


class GiveUp(Exception):
    """Raised when all attempts are used."""


def retry(times: int = 3, *, delay: float = 1.0, backoff: float = 2.0, on=(StepError,)):
    def decorate(func):
        @functools.wraps(func)
        async def wrapper(*args, **kwargs):
            wait = delay
            for attempt in range(1, times + 1):
                try:
                    return await func(*args, **kwargs)
                except on as exc:
                    print(f"{func.__name__}: attempt {attempt}/{times} failed with {exc.message}")
                    if attempt == times:
                        raise GiveUp(f"{func.__qualname__} failed {times} times") from exc
                    await sleep(wait + rnd.uniform(0, 0.1))
                    wait *= backoff
        wrapper.attempts = times
        return wrapper
    return decorate


@retry(times=4, delay=0.5)
async def load_profile(user_id: int) -> dict:
    """Load one profile."""
    return await steps.get_profile(user_id)


@retry(2, on=(StepError, KeyError))
async def load_setting(key):
    settings = await steps.get_settings()
    return settings[key]


async def workflow(user_id: int):
    "use workflow"
    started = now()
    profile = await load_profile(user_id)
    try:
        theme = await load_setting("theme")
    except GiveUp as exc:
        theme = f"default ({exc}; cause {type(exc.__cause__).__name__})"
    except AttributeError as exc:
        theme = f"default (a KeyError has no message: {exc})"
    waited = (now() - started).total_seconds()
    return profile, theme, load_profile.__name__, load_profile.__doc__, load_profile.attempts, 1.5 <= waited <= 1.9
