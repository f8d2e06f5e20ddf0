from enum import StrEnum


class State(StrEnum):
    DRAFT = "draft"
    REVIEW = "review"
    PUBLISHED = "published"
    REJECTED = "rejected"


TRANSITIONS: dict[State, set[State]] = {
    State.DRAFT: {State.REVIEW},
    State.REVIEW: {State.PUBLISHED, State.REJECTED, State.DRAFT},
    State.PUBLISHED: set(),
    State.REJECTED: set(),
}


class Document:
    steps_taken: int = 0
    random: str = "a field may have any name"

    def __init__(self, title):
        self.title = title
        self.state = State.DRAFT
        self.history = []

    def __repr__(self):
        return f"Document({self.title!r}, {self.state})"

    def __eq__(self, other):
        return isinstance(other, Document) and self.title == other.title

    def __len__(self):
        return len(self.history)

    def sleep(self):
        return "a method may, too"

    def move(self, target):
        if target not in TRANSITIONS[self.state]:
            raise ValueError(f"{self.state} -> {target}")
        self.history.append((self.state, target, now()))
        self.state = target


async def workflow(title):
    "use workflow"
    document = Document(title)
    document.move(State.REVIEW)
    async for verdict in create_hook(token=f"review:{title}", schema="Verdict"):
        document.move(State(verdict.state))
        await steps.save(title, document.state)
        if not TRANSITIONS[document.state]:
            break
    assert len(document) >= 2, document
    return str(document.state)
