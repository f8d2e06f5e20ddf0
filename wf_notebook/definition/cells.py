"""How a definition is written as a cell: the line `%%workflow`, and the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.definition.model import StepBinding

__all__ = ["offer", "workflow_cell"]

_MAIN: Final = "__main__"


def workflow_cell(
    source: str, *, name: str, steps: Sequence[str], schemas: Sequence[str], source_hash: str
) -> str:
    r"""Return a source as a cell that names its steps and expects its hash.

    It runs as it is or not at all. It has no arguments: whoever runs it writes them behind ` -- `.

    Args:
        source: the text.
        name: NAME; "" for the entry's own.
        steps: as `--steps` names them; none for those that the source names.
        schemas: names of models; none for those that the source names.
        source_hash: hex; "" to expect nothing.

    >>> workflow_cell("async def f(): ...\n", name="f", steps=["a", "b=m.c"], schemas=[], source_hash="")
    '%%workflow f --steps a,b=m.c\nasync def f(): ...\n'
    """
    words = [
        "%%workflow",
        *([name] if name else []),
        *(["--steps", ",".join(steps)] if steps else []),
        *(["--schemas", ",".join(schemas)] if schemas else []),
        *(["--expect", f"sha256:{source_hash}"] if source_hash else []),
    ]
    return f"{' '.join(words)}\n{source}"


def offer(binding: StepBinding) -> str:
    """Return a stored step as `--steps` names it where its module is imported.

    >>> from wf_notebook.definition.model import StepBinding
    >>> offer(StepBinding("pay", "step//shop.money//charge", (), ""))
    'pay=shop.money.charge'
    >>> offer(StepBinding("pay", "step//__main__//pay", (), ""))
    'pay'
    """
    _, module, qualname = binding.step_id.split("//", 2)
    path = qualname if module == _MAIN else f"{module}.{qualname}"
    return path if path.rpartition(".")[2] == binding.alias else f"{binding.alias}={path}"
