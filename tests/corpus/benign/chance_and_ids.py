import random
from random import Random
from uuid import UUID


def assign(users, buckets, rng):
    shuffled = list(users)
    rng.shuffle(shuffled)
    return {user: buckets[i % len(buckets)] for i, user in enumerate(shuffled)}


async def workflow(users):
    "use workflow"
    run_key = uuid4()
    seeded = Random(42)
    groups = assign(users, ["control", "variant"], seeded)
    await steps.enroll(str(run_key), groups)
    picks = random.sample(users, 2)
    jitter = [round(random.uniform(0.5, 1.5), 6) for _ in range(3)]
    await sleep(random.randint(1, 10))
    weighted = random.choices("abc", weights=[5, 1, 1], k=6)
    again = Random(42)
    return {
        "key": run_key, "version": run_key.version, "is": isinstance(run_key, UUID), "groups": groups, "picks": picks, "jitter": jitter,
        "weighted": weighted, "coin": random.random() < 0.5, "gauss": round(random.gauss(0, 1), 9), "same": again.random() == Random(42).random(),
        "bits": random.getrandbits(16), "seconds": now().second, "choice": random.choice(sorted(groups)), "bytes": random.randbytes(3),
    }
