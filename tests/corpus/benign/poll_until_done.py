import time
from enum import Enum


class JobStatus(str, Enum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @classmethod
    def parse(cls, value):
        try:
            return cls(value.lower())
        except ValueError:
            return cls.FAILED

    @property
    def is_final(self):
        return self in (JobStatus.DONE, JobStatus.FAILED)


class JobFailed(RuntimeError):
    def __init__(self, job_id, status):
        self.job_id, self.status = job_id, status
        super().__init__(f"job {job_id} ended as {status.value}")


async def wait_for_job(job_id, *, interval=5, limit=120):
    deadline = time.monotonic() + limit
    polls = 0
    while True:
        status = JobStatus.parse(await steps.job_status(job_id))
        polls += 1
        if status.is_final:
            break
        if time.monotonic() > deadline:
            raise TimeoutError(f"job {job_id} still {status.value} after {polls} polls")
        await asyncio.sleep(interval)
        interval = min(interval * 2, 60)
    if status is not JobStatus.DONE:
        raise JobFailed(job_id, status)
    return polls


async def workflow(spec):
    "use workflow"
    outcomes = {}
    for name in spec:
        job_id = await steps.submit(name)
        try:
            outcomes[name] = await wait_for_job(job_id)
        except (JobFailed, TimeoutError) as exc:
            outcomes[name] = f"{type(exc).__name__}: {exc}"
    return outcomes
