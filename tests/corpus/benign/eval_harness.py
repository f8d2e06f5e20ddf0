import json
import re
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, List, Optional


@dataclass
class Case:
    id: str
    prompt: str
    expected: Any
    grader: str = "exact"
    weight: float = 1.0


@dataclass
class Outcome:
    case: Case
    score: float
    output: Optional[str] = None
    error: Optional[str] = None
    seconds: float = field(default=0.0, compare=False)


def _exact(output: str, expected: Any) -> float:
    return float(output.strip() == str(expected))


def _contains(output: str, expected: List[str]) -> float:
    hits = sum(word.lower() in output.lower() for word in expected)
    return hits / len(expected)


def _json(output: str, expected: Dict[str, Any]) -> float:
    found = re.search(r"\{.*\}", output, re.DOTALL)
    if not found:
        return 0.0
    data = json.loads(found.group())
    return sum(data.get(k) == v for k, v in expected.items()) / len(expected)


GRADERS: Dict[str, Callable[[str, Any], float]] = {
    name.lstrip("_"): fn for name, fn in [("_exact", _exact), ("_contains", _contains), ("_json", _json)]
}


async def _run(case: Case, sem: asyncio.Semaphore) -> Outcome:
    async with sem:
        start = time.perf_counter()
        try:
            output = await steps.generate(case.prompt)
            score = GRADERS[case.grader](output, case.expected)
        except StepError as e:
            return Outcome(case, 0.0, error=f"{e.type}: {e}")
        except (KeyError, json.JSONDecodeError) as e:
            return Outcome(case, 0.0, error=type(e).__name__)
        return Outcome(case, score, output, seconds=round(time.perf_counter() - start, 2))


async def workflow(cases: List[dict]):
    "use workflow"
    suite = [Case(**c) for c in cases]
    sem = asyncio.Semaphore(2)
    outcomes = await asyncio.gather(*(_run(c, sem) for c in suite))
    total = sum(o.score * o.case.weight for o in outcomes) / sum(c.weight for c in suite)
    failures = [asdict(o)["error"] or o.case.id for o in outcomes if o.score < 1]
    print(f"score {total:.1%} over {len(suite)} cases")
    return {"total": round(total, 4), "failures": failures, "scores": {o.case.id: o.score for o in outcomes}}
