import heapq
from itertools import count


async def worker(name, queue, results):
    while True:
        priority, _, job = await queue.get()
        try:
            value = await steps.process(job, worker=name)
            results.append((priority, job, value))
        except StepError as exc:
            results.append((priority, job, f"failed: {exc.message}"))
        finally:
            queue.task_done()


async def workflow(jobs):
    "use workflow"
    queue = asyncio.PriorityQueue()
    tie = count()
    for job, priority in jobs.items():
        queue.put_nowait((priority, next(tie), job))
    results = []
    workers = [asyncio.create_task(worker(f"w{i}", queue, results)) for i in range(2)]
    await queue.join()
    for task in workers:
        task.cancel()
    stopped = await asyncio.gather(*workers, return_exceptions=True)
    heap = [(p, j) for p, j, _ in results]
    heapq.heapify(heap)
    return {
        "results": results,
        "stopped": [type(s).__name__ for s in stopped],
        "first": heapq.heappop(heap),
        "largest": heapq.nlargest(2, heap),
    }
