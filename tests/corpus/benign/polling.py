async def workflow(job_id, every="30s", limit=20):
    "use workflow"
    for _ in range(limit):
        status = await steps.job_status(job_id)
        if status.state in {"done", "failed"}:
            break
        await asyncio.sleep(1)
        await sleep(every)
    else:
        await steps.cancel_job(job_id)
        raise TimeoutError(f"job {job_id} did not end")
    if status.state == "failed":
        raise FatalError(status.reason)
    return status.result
