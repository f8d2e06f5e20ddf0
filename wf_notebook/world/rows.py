"""Which rows a commit adds: events as they were recorded, with their payloads sealed.

An append is packed where it is made, which freezes its values, and sealed by the writer, which
knows its place in the log.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wf_notebook.world.codec import INLINE_BYTES, pack, pack_chunk, pack_plain
from wf_notebook.world.events import TERMINAL
from wf_notebook.world.listing import run_row, status_after
from wf_notebook.world.parts import parted
from wf_notebook.world.schema import insert, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.world.chain import Place
    from wf_notebook.world.connection import Query, Row, Statement
    from wf_notebook.world.events import Event, NewEvent
    from wf_notebook.world.heads import Advance
    from wf_notebook.world.keyring import Keyring
    from wf_notebook.world.store import Append
    from wf_notebook.world.vault import RunKey

# The first byte of an opened payload says whether the value follows, or the id of its blob; or,
# before either, the ids of the texts that were taken out of it, and a line end.
INLINE: Final = b"\x00"
BLOB: Final = b"\x01"
PARTED: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class Payload:
    """An event's sealed part, not yet sealed: its bytes, and those of the texts stored apart."""

    body: bytes
    texts: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.body) + sum(map(len, self.texts))


@dataclass(frozen=True, slots=True)
class Packed:
    """An append whose values are bytes already.

    Attributes:
        append: as it was given; its values are not looked at again.
        metas: text of each event's plain part.
        payloads: each event's sealed part; None where there is none.
        definition: bytes of the definition, or None.
        chunks: bytes of each chunk.
    """

    append: Append
    metas: tuple[str, ...]
    payloads: tuple[Payload | None, ...]
    definition: bytes | None
    chunks: tuple[bytes, ...]


def packed(append: Append) -> Packed:
    """Return an append with its values as bytes.

    Raises:
        PayloadError: a value is not a tree, or too long.
    """
    definition = append.definition
    return Packed(
        append,
        metas=tuple([pack_plain(event.meta, event.type) for event in append.events]),
        payloads=tuple([_payload(event) for event in append.events]),
        definition=None if definition is None else pack(definition, "definition"),
        chunks=tuple([pack_chunk(c.data, f"chunk of {c.stream}") for c in append.chunks]),
    )


def _payload(event: NewEvent) -> Payload | None:
    if event.data is None:
        return None
    body = pack(event.data, event.subject)
    if len(body) <= INLINE_BYTES:
        return Payload(body)
    rest, texts = parted(event.data)
    return Payload(
        pack(rest) if texts else body,
        tuple(text.encode("utf-8", "surrogatepass") for text in texts),
    )


@dataclass(slots=True)
class Stored:
    """What is known of the rows of each run that lives.

    Attributes:
        blobs: ids of its large values.
        begun: the number of its first commit.
    """

    blobs: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    begun: dict[str, int] = field(default_factory=dict[str, int])

    def forget(self, run_id: str) -> None:
        """Drop what is known of a run that has ended."""
        self.blobs.pop(run_id, None)
        self.begun.pop(run_id, None)


@dataclass(slots=True)
class Rows:
    """The rows of one group commit.

    Attributes:
        commit_no: its number in the world.
        stored: what is in the world already of the runs that live.
    """

    commit_no: int
    keyring: Keyring
    query: Query
    stored: Stored
    _rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    _new_blobs: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def add(self, item: Packed, advance: Advance) -> None:
        """Add what an append writes.

        Raises:
            WorldKeyError: the world is locked.
        """
        rows: dict[str, list[Row]] = defaultdict(list)
        key = self._key(item, rows)
        run_id = item.append.run_id
        for event, meta, payload in zip(advance.events, item.metas, item.payloads, strict=True):
            sealed = None if payload is None else self._sealed(event, payload, key, rows)
            rows["events"].append((
                self.commit_no, run_id, event.seq, event.event_id, event.type,
                event.correlation_id, event.time_us, meta, sealed,
            ))  # fmt: skip
            if event.type in TERMINAL:
                rows["run_index"].append(_ended(event, advance.attributes))
        self._add_chunks(item, advance.places, key, rows)
        for table, new in rows.items():
            self._rows[table].extend(new)

    def statements(self) -> list[Statement]:
        """Return what writes the rows: one statement for each table, none if there are no rows."""
        return [(insert(table, len(rows)), parameters(rows)) for table, rows in self._rows.items()]

    def place(self, before: Place) -> Place:
        """Return where the log of the world is after them."""
        return before.after(self._rows)

    def written(self) -> None:
        """Note that the rows are in the world."""
        for run_id, blob_id in self._new_blobs:
            self.stored.blobs.setdefault(run_id, set()).add(blob_id)
        for run_id, *_ in self._rows.get("run_keys", ()):
            self.stored.begun[run_id] = self.commit_no

    def _key(self, item: Packed, rows: dict[str, list[Row]]) -> RunKey:
        run_id = item.append.run_id
        first = next(iter(item.append.events), None)
        if first is None or first.type != "run_created":
            return self.keyring.get(run_id, self.query)
        key, wrapped = self.keyring.new(run_id)
        rows["run_keys"].append((run_id, self.keyring.vault.key_id, wrapped))
        if item.definition is not None:
            sealed = key.seal(item.definition, item=run_id, field="definition")
            rows["definitions"].append((run_id, sealed))
        row = run_row(run_id, first.meta, first.time_us)
        rows["run_index"].append((
            run_id, "start", row.created_us, row.status, row.workflow_id, row.name,
            row.source_hash, row.origin, pack_plain(row.attributes, "attributes"),
        ))  # fmt: skip
        return key

    def _sealed(
        self, event: Event, payload: Payload, key: RunKey, rows: dict[str, list[Row]]
    ) -> bytes:
        body = payload.body
        short = len(body) <= INLINE_BYTES
        plain = INLINE + body if short else BLOB + self._blob(event.run_id, body, key, rows)
        if payload.texts:
            ids = [self._blob(event.run_id, text, key, rows) for text in payload.texts]
            plain = PARTED + b" ".join(ids) + b"\n" + plain
        return key.seal(plain, item=event.event_id, field="data")

    def _blob(self, run_id: str, data: bytes, key: RunKey, rows: dict[str, list[Row]]) -> bytes:
        """Return the id of large data, which is added unless the run has it already."""
        blob_id = key.blob_id(data)
        name = (run_id, blob_id)
        if blob_id not in self.stored.blobs.get(run_id, ()) and name not in self._new_blobs:
            self._new_blobs.add(name)
            sealed = key.seal(data, item=blob_id, field="blob")
            rows["blobs"].append((blob_id, run_id, sealed, self.commit_no))
        return blob_id.encode()

    def _add_chunks(
        self,
        item: Packed,
        places: Sequence[int | None],
        key: RunKey,
        rows: dict[str, list[Row]],
    ) -> None:
        for chunk, data, index in zip(item.append.chunks, item.chunks, places, strict=True):
            if index is not None:
                sealed = key.seal(data, item=chunk_item(chunk.stream, index), field="chunk")
                rows["stream_chunks"].append(
                    (self.commit_no, item.append.run_id, chunk.stream, index, sealed)
                )


def chunk_item(stream: str, index: int) -> str:
    """Return what a chunk is sealed as."""
    return f"{stream}/{index}"


def _ended(event: Event, attributes: Mapping[str, str] | None) -> Row:
    status = status_after(event.type)
    text = None if attributes is None else pack_plain(attributes, "attributes")
    return (event.run_id, "end", event.time_us, status, None, None, None, None, text)
