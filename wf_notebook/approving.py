"""Who has approved what: sources under a name, their bindings and their steps' code with them.

An approval is of all that decides what a run may do: the source, the step behind each alias, the
code of these steps as it was, what was told of them (signatures, schemas, retries), and the schemas
of its hooks. What differs in one of these was not approved.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.clock import iso
from wf_notebook.config import APPROVAL_POLICIES
from wf_notebook.definition.catalogue import catalogue_digests
from wf_notebook.definition.model import Definition
from wf_notebook.errors import (
    IsolationUnavailable,
    NotApprovedError,
    RevisionDamagedError,
    RevisionNotFoundError,
    UsageError,
)
from wf_notebook.views.words import difference
from wf_notebook.world.store import Review

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wf_notebook.config import ApprovalPolicy, IsolationMode
    from wf_notebook.definition.steps import Step
    from wf_notebook.engine.host import Host
    from wf_notebook.guest.values import Tree

__all__ = ["Proposal", "Revision", "approve", "need", "propose", "revision", "revisions", "waiting"]

_SHORT: Final = 8  # hex digits that a hash may be shortened to
_LACKS: Final = {
    "locked": ("is sealed, and the key of the world is missing", "%wf doctor says which key."),
    "erased": ("was erased", "Approve the source anew."),
    "damaged": (
        "does not open: it was altered or moved",
        "Restore the world file from a copy, or review the source and approve it anew.",
    ),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A source that is to be approved, with all that an approval is of.

    Attributes:
        definition: source, bindings with their code's digests, schemas.
        catalogue: alias to digest of what is told of the step (`definition.catalogue`).
        draft: what a model was asked and has answered, or None if a person wrote it.
        notebook: where it was proposed, or "".
    """

    definition: Definition
    catalogue: Mapping[str, str]
    draft: Mapping[str, Tree] | None = None
    notebook: str = ""

    @classmethod
    def made(
        cls,
        definition: Definition,
        steps: Mapping[str, Step],
        *,
        draft: Mapping[str, Tree] | None = None,
        notebook: str = "",
    ) -> Proposal:
        """Return a definition with what there is to be told of its steps.

        Raises:
            RegistrationError: an annotation of a step means nothing here.
        """
        return cls(definition, catalogue_digests(steps), draft, notebook)

    def record(self) -> dict[str, Any]:
        """Return it as a JSON object, for storing."""
        return {
            "definition": self.definition.to_record(),
            "catalogue": dict(self.catalogue),
            "draft": None if self.draft is None else dict(self.draft),
            "notebook": self.notebook,
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Proposal:
        """Read back what `record` wrote.

        Raises:
            ValueError, KeyError, TypeError: it is not one of ours, or the hash is another one.
        """
        return cls(
            definition=Definition.from_record(record["definition"]),
            catalogue=dict(record["catalogue"]),
            draft=record["draft"],
            notebook=record["notebook"],
        )


@dataclass(frozen=True, slots=True)
class Revision:
    """What was approved under a name; it never changes.

    Attributes:
        name: the workflow's name.
        number: 1, 2, 3 … of that name.
        source_hash: sha256 over source and bindings, hex.
        approved_us: when, microseconds UTC.
        approved_by: who.
        note: what they said about it; may be empty.
        proposal: what was approved.
    """

    name: str
    number: int
    source_hash: str
    approved_us: int
    approved_by: str
    note: str
    proposal: Proposal

    def __str__(self) -> str:
        return f"{self.name}@{self.number}"

    def __repr__(self) -> str:
        when, note = iso(self.approved_us), f": {self.note}" if self.note else ""
        return f"<Revision {self} approved by {self.approved_by} at {when}{note}>"

    @property
    def source(self) -> str:
        """The source that was approved."""
        return self.proposal.definition.source

    @property
    def reference(self) -> dict[str, Any]:
        """How a run says that it executes it."""
        return {"name": self.name, "revision": self.number}

    def differs(self, other: Proposal) -> list[str]:
        """Return what of a proposal was not approved with this, a phrase each; empty if nothing."""
        return list(_differences(self.proposal, other))


def checked_policy(word: str) -> ApprovalPolicy:
    """Return a policy: which sources must be approved.

    Raises:
        UsageError: it is none.

    >>> checked_policy("drafts")
    'drafts'
    """
    for policy in APPROVAL_POLICIES:
        if word == policy:
            return policy
    raise UsageError(
        f"{word!r} is not a policy of approval.",
        hint="Set off, drafts or all.",
    )


# --- what is kept --------------------------------------------------------------------------------


async def propose(host: Host, proposal: Proposal) -> Review:
    """Keep a proposal, unless it is kept already; returns its line.

    Raises:
        WorldError: it cannot be written.
    """
    definition = proposal.definition
    found = await _reviews(host, kind="proposal", source_hash=definition.source_hash)
    record = proposal.record()
    for review in found:
        if review.name == definition.name and _is_like(review.record or {}, record):
            return review
    review = Review(
        "proposal", definition.name, definition.source_hash, host.clock.now_us(), record
    )
    return await asyncio.wrap_future(host.store.keep(review))


def _is_like(kept: Mapping[str, Tree], record: Mapping[str, Tree]) -> bool:
    """Whether what is to be reviewed is the same; who drafted it is known already, or unknown."""
    alike = all(kept.get(part) == record[part] for part in ("definition", "catalogue"))
    return alike and record["draft"] in (None, kept.get("draft"))


async def waiting(host: Host, name: str | None = None) -> list[Review]:
    """Return what was proposed and not approved as it is, newest first."""
    approved = await _reviews(host, kind="approval", name=name)
    done = {(review.name, (review.record or {}).get("proposal")) for review in approved}
    return [
        review
        for review in await _reviews(host, kind="proposal", name=name)
        if (review.name, review.number) not in done and review.lack != "erased"
    ]


async def approve(host: Host, review: Review, *, by: str, note: str = "") -> Revision:
    """Approve a proposal that is kept: this one, not a later one with the same hash.

    Raises:
        RevisionDamagedError: it does not open.
        WorldError: it cannot be written.
    """
    proposal = _proposal(review)
    record = {**proposal.record(), "by": by, "note": note, "proposal": review.number}
    now_us = host.clock.now_us()
    given = Review("approval", review.name, review.source_hash, now_us, record)
    return _revision(await asyncio.wrap_future(host.store.keep(given)))


async def _proposed(host: Host, source_hash: str) -> Review:
    wanted = source_hash.removeprefix("sha256:").lower()
    found = await _reviews(host, kind="proposal")
    if len(wanted) >= _SHORT:
        found = [review for review in found if review.source_hash.startswith(wanted)]
    else:
        found = []
    hashes = {review.source_hash for review in found}
    if len(hashes) == 1:
        return found[0]
    what = f"{len(hashes)} proposed sources have hashes that begin" if hashes else "No proposed"
    what = f"{what} with {wanted}." if hashes else f"{what} source has the hash {wanted!r:.80}."
    hint = "List what is proposed with %wf revisions; at least 8 digits of a hash name one."
    raise RevisionNotFoundError(what, hint=hint)


async def revisions(host: Host, name: str | None = None) -> list[Review]:
    """Return the lines of what was approved, newest first, of one name or of all."""
    return list(await _reviews(host, kind="approval", name=name))


async def revision(host: Host, name: str, number: int | None = None) -> Revision:
    """Return an approved revision, the newest one if no number is given.

    Raises:
        RevisionNotFoundError: there is none.
        RevisionDamagedError: it was erased, is locked, or does not open.
    """
    found = await revisions(host, name)
    chosen = [review for review in found if number in (None, review.number)]
    if not chosen:
        wanted = name if number is None else f"{name}@{number}"
        there = ", ".join(f"{name}@{review.number}" for review in found[::-1])
        hint = f"There are {there}." if there else "List what was approved with %wf revisions."
        raise RevisionNotFoundError(f"{wanted} was never approved in this world.", hint=hint)
    return _revision(chosen[0])


@dataclass(frozen=True, slots=True)
class Compared:
    """A proposal beside what was approved last under its name.

    Attributes:
        last: that revision, or None.
        reasons: what of the proposal was not approved with it, a phrase each.
        diff: the unified diff from there; "" if there is none.
    """

    last: Revision | None
    reasons: list[str]
    diff: str


async def compared(host: Host, proposal: Proposal) -> Compared:
    """Return how a proposal differs from what was approved last under its name."""
    definition = proposal.definition
    for last in await _approved(host, name=definition.name):
        diff = difference(last.source, definition.source, (str(last), "here"))
        return Compared(last, last.differs(proposal), diff)
    return Compared(None, ["nothing of that name was approved"], "")


async def proposed(host: Host, source_hash: str) -> tuple[Review, Proposal]:
    """Return the newest proposal with that hash, or with the only one that begins so.

    Raises:
        RevisionNotFoundError: nothing that is proposed has it, or several do.
        RevisionDamagedError: it does not open.
    """
    review = await _proposed(host, source_hash)
    return review, _proposal(review)


# --- what is asked for when a run is to be created -----------------------------------------------


async def need(host: Host, make: Callable[[], Proposal]) -> dict[str, Any] | None:
    """Return what a run says of its approval; None where none is asked for.

    What is refused is kept as a proposal, so that it can be approved.

    Args:
        host: the world's engine, with its policy.
        make: returns what is to be run; called only if the policy asks for it.

    Raises:
        NotApprovedError: it was not approved, and has to be.
    """
    if host.approval == "off":
        return None
    proposal = make()
    found = await covering(host, proposal)
    if found is not None:
        return found.reference
    if host.approval == "drafts" and not await _drafted(host, proposal.definition):
        return None
    await propose(host, proposal)
    raise _not_approved(proposal, await compared(host, proposal))


async def refuse_draft(host: Host, definition: Definition, mode: IsolationMode) -> None:
    """Refuse what a model wrote where it would run without strict isolation, unasked.

    Raises:
        IsolationUnavailable: a model wrote it.
    """
    if await _drafted(host, definition):
        raise IsolationUnavailable(
            f"A model wrote {definition.name}, and strict isolation is not to be had here.",
            hint=f"Read it; if it may run with less, choose that by name: --isolation {mode}.",
        )


async def covering(host: Host, proposal: Proposal) -> Revision | None:
    """Return the newest approved revision that is all of a proposal, or None."""
    approved = await _approved(host, source_hash=proposal.definition.source_hash)
    return next((one for one in approved if not one.differs(proposal)), None)


async def _approved(host: Host, **chosen: str) -> list[Revision]:
    found = await _reviews(host, kind="approval", **chosen)
    return [_revision(review) for review in found if review.record is not None]


async def _drafted(host: Host, definition: Definition) -> bool:
    """Whether a model wrote it: something of that name, or that hash under another one."""
    named = await _reviews(host, kind="proposal", name=definition.name)
    alike = await _reviews(host, kind="proposal", source_hash=definition.source_hash)
    records = [review.record for review in (*named, *alike)]
    return any(record is None or record.get("draft") is not None for record in records)


def _not_approved(proposal: Proposal, found: Compared) -> NotApprovedError:
    definition = proposal.definition
    return NotApprovedError(
        f"{definition.name} was not approved as it is: {'; '.join(found.reasons)}.",
        name=definition.name,
        source_hash=definition.source_hash,
        reasons=found.reasons,
        diff=found.diff,
        hint=f"Review it, then: %wf approve {definition.source_hash[:12]}",
    )


def as_of_now(definition: Definition, find: Callable[[str], Step | None]) -> Proposal:
    """Return a stored definition with the steps as they are now; those that are missing lack.

    Args:
        definition: as it was stored.
        find: returns the step of an id, or None.

    Raises:
        RegistrationError: an annotation of a step means nothing here.
    """
    found = {b.alias: step for b in definition.steps if (step := find(b.step_id)) is not None}
    bindings = tuple(step.binding(alias) for alias, step in found.items())
    return Proposal.made(replace(definition, steps=bindings), found)


# --- what differs --------------------------------------------------------------------------------


def _differences(old: Proposal, new: Proposal) -> Sequence[str]:
    before, after = old.definition, new.definition
    found: list[str] = []
    if before.source != after.source:
        found.append("the source is another one")
    steps = {b.alias: b for b in before.steps}
    for binding in after.steps:
        known = steps.pop(binding.alias, None)
        if known is None:
            found.append(f"the step `{binding.alias}` was added")
        elif known.step_id != binding.step_id:
            found.append(f"`{binding.alias}` is another step, {binding.step_id}")
        elif known.digest != binding.digest:
            found.append(f"the code of the step `{binding.alias}` has changed")
        elif old.catalogue.get(binding.alias) != new.catalogue.get(binding.alias):
            found.append(f"signature, schema or options of the step `{binding.alias}` have changed")
    found += [f"the step `{alias}` was taken away" for alias in steps]
    found += [
        f"the schema {name} has changed"
        for name in sorted({*before.schemas, *after.schemas})
        if before.schemas.get(name) != after.schemas.get(name)
    ]
    if before.entry != after.entry:
        found.append(f"another function is called, {after.entry}")
    return found


# --- reading back --------------------------------------------------------------------------------


async def _reviews(host: Host, **chosen: str | None) -> Sequence[Review]:
    await host.ready()
    return await asyncio.wrap_future(host.store.reviews(**chosen))


def _proposal(review: Review) -> Proposal:
    record = review.record
    if record is None:
        raise _lacking(review)
    try:
        return Proposal.of(record)
    except (ValueError, KeyError, TypeError):
        raise _damaged(review) from None


def _revision(review: Review) -> Revision:
    proposal = _proposal(review)
    record = cast("Mapping[str, Any]", review.record)
    if proposal.definition.source_hash != review.source_hash:
        raise _damaged(review)
    return Revision(
        name=review.name,
        number=review.number,
        source_hash=review.source_hash,
        approved_us=review.time_us,
        approved_by=str(record.get("by", "")),
        note=str(record.get("note", "")),
        proposal=proposal,
    )


def _damaged(review: Review) -> RevisionDamagedError:
    return _refused(review, "damaged")


def _lacking(review: Review) -> RevisionDamagedError:
    return _refused(review, review.lack or "damaged")


def _refused(review: Review, lack: str) -> RevisionDamagedError:
    what, hint = _LACKS[lack]
    kind = "revision" if review.kind == "approval" else "proposal"
    return RevisionDamagedError(f"The {kind} {review.name}@{review.number} {what}.", hint=hint)
