"""What the owner of a world does with a question: the same as for its own handles."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, assert_never

from wf_notebook.definition.model import Definition
from wf_notebook.engine import decide
from wf_notebook.errors import PayloadError, UsageError
from wf_notebook.guest.values import is_tree
from wf_notebook.sharing import protocol
from wf_notebook.sharing.enquiries import Enquiries
from wf_notebook.sharing.line import Reply
from wf_notebook.threads import Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.config import IsolationMode
    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.host import Host


class Desk:
    """Answers questions about one world. Lives on the engine's loop.

    Args:
        host: the engine at work on it.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._enquiries = Enquiries(host)
        self._begun: set[asyncio.Future[Any]] = set()

    async def answer(self, ask: protocol.Ask) -> Reply:
        """Return the answer.

        Raises:
            WorkflowError, RejectedError: what the question has come to.
        """
        await self._host.ready()
        match ask:
            case protocol.Ping():
                return Reply()
            case protocol.Status(run=run):
                act = self._host.runner.activity(run)
                return Reply(None if act is None else self.notice(act))
            case protocol.Mode(isolation=isolation):
                wanted: IsolationMode | None = isolation  # type: ignore[assignment]
                return Reply(await self._host.runner.mode(wanted))
            case protocol.Create():
                return await self._create(ask)
            case protocol.Post(run=run, item=item):
                return Reply(await self._post(run, item))
            case protocol.Sql() | protocol.StopSql():
                return await self._enquiries.answer(ask)
            case protocol.Forget() | protocol.Keep() | protocol.ForgetReviews():
                return await self._kept(ask)
            case _:
                return await self._read(ask)

    def notice(self, act: Activity) -> dict[str, Any]:
        """Return how a run stands, as followers are told."""
        blocked = act.blocked
        return {
            "kind": "notice",
            "run": act.run_id,
            "seq": act.state.seq,
            "blocked": None if blocked is None else {
                "reason": blocked.reason,
                "message": blocked.message,
                "hint": blocked.hint,
                "report": dict(blocked.report),
                "passing": blocked.passing,
            },
            "replayed": act.replayed,
            "busy": act.turning or bool(act.inbox),
            "resting": act.resting,
            "written": dict(act.written),
            "changed": list(self._host.runner.changed(act)),
        }  # fmt: skip

    # --- what is read

    async def _read(  # noqa: C901, PLR0911, PLR0912 - one arm for each kind of question
        self,
        ask: protocol.Read
        | protocol.Outline
        | protocol.ReadDefinition
        | protocol.Sign
        | protocol.Unfinished
        | protocol.Runs
        | protocol.TokenOwner
        | protocol.HookHistory
        | protocol.Children
        | protocol.Chunks
        | protocol.Streams
        | protocol.Reviews,
    ) -> Reply:
        store = self._host.store
        match ask:
            case protocol.Read(run=run, after=after, until=until):
                return await _listed(store.read(run, after, until), protocol.event_row)
            case protocol.Outline(run=run):
                return await _listed(store.outline(run), protocol.event_row)
            case protocol.ReadDefinition(run=run):
                return Reply(await asyncio.wrap_future(store.definition(run)))
            case protocol.Sign(run=run, text=text):
                return Reply(await asyncio.wrap_future(store.sign(run, text)))
            case protocol.Unfinished():
                return await _listed(store.unfinished(), protocol.run_row)
            case protocol.Runs(status=status, workflow_id=workflow_id, limit=limit):
                found = store.runs(status=status, workflow_id=workflow_id, limit=limit)
                return await _listed(found, protocol.run_row)
            case protocol.TokenOwner(token=token):
                owner = await asyncio.wrap_future(store.token_owner(token))
                return Reply(None if owner is None else list(owner))
            case protocol.HookHistory(token=token):
                return await _listed(store.hook_history(token), dict)
            case protocol.Children(run=run):
                return await _listed(store.children(run), str)
            case protocol.Chunks(run=run, stream=stream, start=start, limit=limit):
                chunks = store.chunks(run, stream, start, limit=limit)
                return await _listed(chunks, protocol.chunk_row)
            case protocol.Streams(run=run):
                return Reply(await asyncio.wrap_future(store.streams(run)))
            case protocol.Reviews(kind=kind, name=name, source_hash=found_hash):
                reviews = store.reviews(kind=kind, name=name, source_hash=found_hash)
                return await _listed(reviews, protocol.review_row)
            case _:
                assert_never(ask)

    # --- what is done

    async def _kept(self, ask: protocol.Forget | protocol.Keep | protocol.ForgetReviews) -> Reply:
        """What is done to the world, not to one of its runs."""
        store = self._host.store
        match ask:
            case protocol.Forget(runs=runs):
                await self._shielded(self._host.forgetting(runs))
            case protocol.Keep(review=review):
                given = protocol.review_of(review)
                if given.record is None or not is_tree(dict(given.record)):
                    raise PayloadError("That is no record of a review.", path="record")
                kept = await asyncio.shield(asyncio.wrap_future(store.keep(given)))
                return Reply(None, [protocol.review_row(kept)])
            case protocol.ForgetReviews(name=name):
                erased = store.forget_reviews(name, now_us=self._host.clock.now_us())
                await asyncio.shield(asyncio.wrap_future(erased))
            case _:
                assert_never(ask)
        return Reply()

    async def _create(self, ask: protocol.Create) -> Reply:
        try:
            definition = Definition.from_record(ask.definition)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"That is no definition of a run: {error}.") from error
        _check_created(ask.data)
        creating = self._host.runner.create(ask.run, definition, meta=ask.meta, data=ask.data)
        await self._shielded(creating)
        return Reply()

    async def _shielded(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something whether or not who asked waits for it: what has begun is not left half done."""
        task = asyncio.ensure_future(work)
        self._begun.add(task)
        task.add_done_callback(self._done)
        await asyncio.shield(task)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._begun.discard(task)
        if not task.cancelled():
            task.exception()  # told to whoever asked, if they are still there

    async def _post(self, run: str, item: protocol.Item) -> int:
        reply: Future[int] = Pending()
        self._host.runner.post(run, _item(item, reply))
        if isinstance(item, protocol.Look):
            return 0
        # who asked may hang up; what was asked is done nevertheless, and answered to nobody
        return await asyncio.shield(asyncio.wrap_future(reply))


def _item(item: protocol.Item, reply: Future[int]) -> decide.Item:
    match item:
        case protocol.Resume(hook=hook, token=token, payload=payload, resume_id=resume_id):
            if not is_tree(payload):
                raise PayloadError("The payload is no value.", path="payload")
            return decide.Resumed(hook, token, payload, resume_id, reply)
        case protocol.Wake(wait=wait):
            return decide.WaitEnded(wait, woken=True, reply=reply)
        case protocol.Label(changes=changes):
            return decide.AttributesSet(changes, reply=reply)
        case protocol.Adopt(notebook=notebook):
            return decide.Adopted(notebook, reply)
        case protocol.Cancel(reason=reason):
            return decide.CancelAsked(reason, reply)
        case protocol.Look():
            return decide.Nudge()
        case _:
            assert_never(item)


def _check_created(data: Mapping[str, Any]) -> None:
    """Refuse what could not be read back as the beginning of a run."""
    try:
        values = [*data["args"], *data["kwargs"].values()]
        whole = len(bytes.fromhex(data["seed"])) > 0 and isinstance(data["digests"], dict)
    except (KeyError, TypeError, ValueError, AttributeError):
        values, whole = [], False
    if not whole or not all(is_tree(value) for value in values):
        raise UsageError("That is no beginning of a run.")


async def _listed(found: Future[Sequence[Any]], row: Callable[[Any], Any]) -> Reply:
    return Reply(None, [row(one) for one in await asyncio.wrap_future(found)])
