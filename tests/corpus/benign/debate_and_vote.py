from collections import Counter
from enum import Enum
import random


class Role(Enum):
    OPTIMIST = "You see chances."
    SKEPTIC = "You see risks."
    JUDGE = "You decide."

    @property
    def prompt(self) -> str:
        return f"[{self.name.title()}] {self.value}"


class Agent:
    def __init__(self, role: Role) -> None:
        self.role = role
        self.memory: list[str] = []

    async def speak(self, topic: str) -> str:
        recent = self.memory[-2:]
        text = await steps.chat(self.role.name, topic=topic, context=recent)
        return text

    def hear(self, other: "Agent", text: str) -> None:
        if other is not self:
            self.memory.append(f"{other.role.name[0]}: {text}")


async def workflow(topic, rounds=2):
    "use workflow"
    agents = [Agent(role) for role in Role if role is not Role.JUDGE]
    transcript = []
    for number in range(1, rounds + 1):
        order = random.sample(agents, k=len(agents))
        for agent in order:
            text = await agent.speak(topic)
            transcript.append((number, agent.role.name, text))
            for listener in agents:
                listener.hear(agent, text)
    ballots = await asyncio.gather(*(steps.vote(i) for i in range(5)), return_exceptions=True)
    valid = [b for b in ballots if isinstance(b, str)]
    tally = Counter(valid).most_common()
    (winner, votes), *others = tally
    tie = bool(others) and others[0][1] == votes
    return {"winner": None if tie else winner, "tally": tally, "spoiled": len(ballots) - len(valid), "turns": len(transcript), "heard": [len(a.memory) for a in agents], "judge": Role.JUDGE.prompt}
