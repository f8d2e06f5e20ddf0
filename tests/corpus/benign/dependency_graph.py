from graphlib import CycleError, TopologicalSorter


async def build(name, results, graph):
    inputs = {dep: results[dep] for dep in sorted(graph[name])}
    return name, await steps.build(name, inputs)


async def workflow(graph):
    "use workflow"
    graph = {name: set(deps) for name, deps in graph.items()}
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as exc:
        return {"cycle": sorted(set(exc.args[1]))}
    results, waves = {}, []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        waves.append(ready)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(build(name, results, graph), name=name) for name in ready]
        for task in tasks:
            name, value = task.result()
            results[name] = value
            sorter.done(name)
    return {"waves": waves, "results": results, "names": [t.get_name() for t in tasks]}
