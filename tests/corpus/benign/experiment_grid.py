"""A grid of experiments, seeded, best one retrained."""

import itertools
import math
import random
import uuid


async def workflow(grid, folds=3, budget=12):
    "use workflow"
    experiment = uuid4()
    trial_names = uuid.uuid5(uuid.NAMESPACE_URL, str(experiment))
    combos = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    random.shuffle(combos)
    generator = random.Random(42)
    scores: list[tuple[float, dict]] = []
    for combo in combos[:budget]:
        seed = generator.randrange(2**31)
        runs = await asyncio.gather(*[steps.train(**combo, fold=k, seed=seed) for k in range(folds)])
        mean = math.fsum(r.score for r in runs) / len(runs)
        scores.append((mean, combo))
        print(f"{trial_names}: {mean:.4f} {combo!r}")
        if math.isclose(mean, 1.0, rel_tol=1e-9):
            break
    best_score, best = max(scores, key=lambda pair: pair[0])
    model = await steps.train(**best, fold=None, seed=0)
    return {"experiment": experiment, "score": best_score, "model": model.path, "params": best}
