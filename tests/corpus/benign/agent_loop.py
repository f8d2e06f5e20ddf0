import json

MAX_TURNS = 8
SYSTEM = """You are a careful assistant.
Answer with JSON: {"tool": ..., "arguments": {...}} or {"answer": ...}.
"""


async def call_tool(name, arguments):
    tools = {
        "search": steps.search,
        "read": steps.read_page,
        "calculate": steps.calculate,
    }
    if name not in tools:
        return {"error": f"no tool {name!r}; there are {', '.join(tools)}"}
    try:
        return {"result": await tools[name](**arguments)}
    except (StepError, TypeError) as error:
        return {"error": str(error)}


async def workflow(question: str):
    "use workflow"
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    for turn in range(MAX_TURNS):
        reply = await steps.complete(messages)
        try:
            wanted = json.loads(reply)
        except json.JSONDecodeError:
            messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": "JSON, please."}]
            continue
        if "answer" in wanted:
            return {"answer": wanted["answer"], "turns": turn + 1}
        outcome = await call_tool(wanted.get("tool"), wanted.get("arguments", {}))
        messages.append({"role": "tool", "content": json.dumps(outcome, sort_keys=True, default=str)})
    raise FatalError(f"no answer after {MAX_TURNS} turns")
