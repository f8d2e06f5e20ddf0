import heapq
from typing import NamedTuple


class Job(NamedTuple):
    priority: int
    name: str
    after: tuple[str, ...] = ()


async def workflow(jobs):
    "use workflow"
    waiting = [Job(j.priority, j.name, tuple(j.after)) for j in jobs]
    heapq.heapify(waiting)
    done: set[str] = set()
    order = []
    while waiting:
        ready = [job for job in waiting if done.issuperset(job.after)]
        if not ready:
            raise RuntimeError(f"circular: {[job.name for job in waiting]}")
        job = min(ready)
        waiting.remove(job)
        heapq.heapify(waiting)
        await steps.run_job(job.name)
        done |= {job.name}
        order.append(job.name)
    return order
