import json
from dataclasses import dataclass, field
from typing import Any

MAX_STEPS = 6


@dataclass
class Usage:
    prompt: int = 0
    completion: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.prompt + other.prompt, self.completion + other.completion)

    def __iadd__(self, other):
        self.prompt += other.prompt
        self.completion += other.completion
        return self

    @property
    def cost(self) -> float:
        return round(self.prompt * 3e-6 + self.completion * 15e-6, 6)


@dataclass
class Conversation:
    messages: list[dict[str, Any]] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)

    def say(self, role: str, content: Any, **extra: Any) -> None:
        self.messages.append({"role": role, "content": content, **extra})


async def run_tool(call: dict) -> str:
    match call:
        case {"name": "search", "arguments": {"query": str(query), "limit": int(limit)}} if limit > 0:
            hits = await steps.search(query, limit=limit)
            return json.dumps(hits)
        case {"name": "search", "arguments": {"query": query}}:
            return json.dumps(await steps.search(query))
        case {"name": "calculator", "arguments": {"op": "add" | "sum", "values": [*numbers]}}:
            return str(sum(numbers))
        case {"name": "ask_human", "arguments": {"question": question}}:
            answer = await create_hook(title=question)
            return answer["text"]
        case {"name": name, **rest}:
            return f"error: unknown tool {name!r} ({', '.join(sorted(rest))})"
        case _:
            return "error: malformed call"


async def workflow(question):
    "use workflow"
    chat = Conversation()
    chat.say("user", question)
    for turn in range(MAX_STEPS):
        reply = await steps.complete(chat.messages)
        chat.usage += Usage(**reply["usage"])
        if not (calls := reply.get("tool_calls")):
            chat.say("assistant", reply["text"])
            break
        chat.say("assistant", None, tool_calls=calls)
        results = await asyncio.gather(*(run_tool(call) for call in calls))
        for call, result in zip(calls, results):
            chat.say("tool", result, tool_call_id=call.get("id", "?"))
    else:
        raise FatalError("too many turns")
    return {"answer": chat.messages[-1]["content"], "turns": turn + 1, "cost": chat.usage.cost, "log": [m["content"] for m in chat.messages]}
