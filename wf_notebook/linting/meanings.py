"""What may a name of a notebook mean, as far as reading it without running it can tell?"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Final, TypeAlias

__all__ = ["Function", "Library", "Mark", "Meaning", "Model", "Module", "Other", "Scope", "Step", "Unread"]  # fmt: skip

STEPLESS: Final = frozenset({
    *sys.stdlib_module_names, "IPython", "PIL", "aiohttp", "altair", "anthropic", "anywidget",
    "attr", "attrs", "bokeh", "boto3", "bs4", "click", "cryptography", "dask", "dateutil", "dotenv",
    "duckdb", "fastapi", "httpx", "ipywidgets", "jinja2", "joblib", "jsonschema", "langchain",
    "lxml", "marimo", "matplotlib", "nbformat", "networkx", "nltk", "numpy", "openai", "openpyxl",
    "orjson", "pandas", "plotly", "polars", "psycopg", "psycopg2", "pyarrow", "pydantic",
    "pydantic_ai", "pydantic_core", "pydantic_settings", "pymongo", "pytest", "pytz", "redis",
    "requests", "rich", "scipy", "seaborn", "sklearn", "spacy", "sqlalchemy", "sqlmodel",
    "statsmodels", "streamlit", "structlog", "sympy", "tenacity", "tensorflow", "torch", "tqdm",
    "traitlets", "transformers", "typer", "typing_extensions", "ujson", "wf_notebook", "xgboost",
    "yaml",
})  # fmt: skip
"""Top-level modules of which it is known that importing them registers no step."""

PLAIN: Final = frozenset({*sys.stdlib_module_names, "wf_notebook"})
"""Those in which there is neither a step nor a model."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step; its id, or "" if that can't be told."""

    step_id: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A class that is a pydantic model; `BaseModel` itself, which is none for a hook, is the base."""

    base: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A plain function: what the id of its step would be, and its name."""

    step_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The decorator `step` itself, or `step(…)` with the name that it gives, "" for the function's.

    `named` is False if the name is computed.
    """

    name: str = ""
    called: bool = False
    named: bool = True


@dataclass(frozen=True, slots=True)
class Library:
    """A module that is known, or something in it, by its dotted path."""

    path: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module beside the notebook that was read."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class Other:
    """Something that is neither a step nor a model."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that may be anything; why it isn't known."""

    why: str


Meaning: TypeAlias = "Step | Model | Function | Mark | Library | Module | Other | Unread"


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a notebook or a module.

    Attributes:
        module: its name, as step ids have it.
        names: what each name means.
        hidden: why it may have names that nobody has read, or "".
        package: whether it is a package, from which relative imports begin.
    """

    module: str
    names: dict[str, Meaning] = field(default_factory=dict[str, "Meaning"])
    hidden: str = ""
    package: bool = False

    def __repr__(self) -> str:
        return f"<scope {self.module}>"

    def find(self, name: str) -> Meaning | None:
        """What a name means; None if it has no meaning here."""
        found = self.names.get(name)
        return Unread(self.hidden) if found is None and self.hidden else found

    def bind(self, name: str, meaning: Meaning, *, surely: bool = True, why: str = "") -> None:
        """Give a name a meaning; if it isn't sure to get it, nobody knows which it has then."""
        before = self.names.get(name)
        self.names[name] = meaning if surely or before == meaning else Unread(why)

    def hide(self, why: str) -> None:
        """Note that there may be names that nobody has read; the first reason is kept."""
        self.hidden = self.hidden or why
