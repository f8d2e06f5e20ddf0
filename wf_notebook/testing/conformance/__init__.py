"""What every `EventStore` must do, for whoever writes one: a suite to subclass.

In a test module, with pytest (`pytest.register_assert_rewrite("wf_notebook.testing.conformance")`
in a conftest shows what the asserts compared)::

    class TestMyStore(StoreConformance):
        def make(self):
            return MyStore()

A store that keeps its world subclasses `DurableStoreConformance` and says how it is reopened, too.
`StoreConformance.broken()` tries the same without pytest, which nothing here imports.

>>> from wf_notebook.world.memory import MemoryStore
>>> class OfMemory(StoreConformance):
...     def make(self):
...         return MemoryStore()
>>> OfMemory.broken()
{}
"""

from wf_notebook.testing.conformance.conditions import Conditions
from wf_notebook.testing.conformance.forgetting import Forgetting
from wf_notebook.testing.conformance.lists import Lists
from wf_notebook.testing.conformance.recording import Recording
from wf_notebook.testing.conformance.reopening import Reopening
from wf_notebook.testing.conformance.reviewing import Reviewing
from wf_notebook.testing.conformance.streams import Streams

__all__ = ["DurableStoreConformance", "StoreConformance"]


class StoreConformance(Recording, Conditions, Streams, Lists, Forgetting, Reviewing):
    """The suite; write `make`, which returns a fresh, empty store. Each is closed after its test.

    The invariants I1, I2, I3, I8 and I9 rest on these promises, whatever the store.
    """


class DurableStoreConformance(Reopening, StoreConformance):
    """The suite of a store that keeps its world; write `make`, and `reopen`.

    `reopen` returns a store over the same world as the one that was closed just before.
    """
