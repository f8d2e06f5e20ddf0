"""What a source consists of: one walk over its tree that notes names, attributes and calls.

What can be judged at once is judged here: private names, rebound surface, awaits and sizes. What
depends on names bound further down is noted for `guest.check`.
"""

from __future__ import annotations

import ast
import unicodedata
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from wf_notebook.guest.imports import check_import, imported
from wf_notebook.guest.language import (
    CLASS_DUNDERS,
    COMPUTED_ACCESS,
    FORBIDDEN,
    HARMLESS_ATTRIBUTES,
    HARMLESS_NAMES,
    INSIDES,
    MAX_DEPTH,
    MAX_INT_BITS,
    MAX_KEYWORDS,
    MAX_NODES,
    MAX_SCOPES,
    NODES,
    PREDEFINED,
    SURFACE,
)
from wf_notebook.guest.names import Scope
from wf_notebook.guest.places import TOO_MUCH
from wf_notebook.guest.scan import odd_words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from wf_notebook.guest.places import Problems

__all__ = ["Walk"]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Children: TypeAlias = list[tuple[ast.AST, Scope]]

_KNOWN: Final = frozenset(getattr(ast, name) for name in NODES if hasattr(ast, name))
_MARKS: Final = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
# CPython 3.13 takes 50 µs to compile one of these; a plain statement takes 3.
_WEIGHTS: Final[dict[type[ast.AST], int]] = {ast.AsyncWith: 10, ast.AsyncFor: 10}


class Walk:
    """One walk; afterwards its attributes say what was found.

    Attributes:
        uses: names that are read, with the scope they are read from.
        attributes: `name.attribute` nodes, with their scope.
        calls: calls of `name(...)` and `name.attribute(...)`, with their scope.
        items: `steps[...]` nodes, with their scope.
        generators: functions that yield.
        star: whether names come in that nobody can list (`from x import *`).
        complete: whether the whole tree was seen; not if it is too large or too deep.
    """

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.uses: list[tuple[ast.Name, Scope]] = []
        self.attributes: list[tuple[ast.Attribute, Scope]] = []
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.items: list[tuple[ast.Subscript, Scope]] = []
        self.generators: set[ast.AST] = set()
        self.star = False
        self.complete = True
        self._identifiers: set[str] = set()
        self._selves: set[str] = set()  # what methods call the object they belong to
        self._own: set[str] = set()  # private attributes that the source itself defines
        self._private: list[tuple[str, ast.AST, str, str]] = []
        self._nodes = 0
        self._scopes = 0

    def run(self, tree: ast.Module) -> Walk:
        """Walk the tree, in source order."""
        module = Scope("module")
        stack: list[tuple[ast.AST, Scope, int]] = [(tree, module, 0)]
        while stack and self._affordable(stack[-1][0], stack[-1][2]):
            node, scope, depth = stack.pop()
            visit = _VISITORS.get(type(node))
            children = _children(node, scope) if visit is None else visit(self, node, scope)
            stack.extend((child, inner, depth + 1) for child, inner in reversed(children))
        self._private_attributes()
        if self.complete:
            self._odd_identifiers()
        return self

    # ------------------------------------------------------------------------------- bounds

    def _affordable(self, node: ast.AST, depth: int) -> bool:
        """Note a node; return whether the walk may go on."""
        self._nodes += _WEIGHTS.get(type(node), 1)
        if type(node) not in _KNOWN:
            name = type(node).__name__
            message = f"{name} is not part of the language."
            self._problems.add(node, "WF118", message, "Write it in the Python of 3.11 to 3.14.")
        if depth > MAX_DEPTH:
            self._stop(
                node,
                "WF104",
                f"The source is nested more than {MAX_DEPTH} levels deep here.",
                "Split it: name inner parts, use match or a dict for a long elif chain.",
            )
        elif self._nodes > MAX_NODES:
            self._stop(node, "WF105", f"The source has more than {MAX_NODES:,} nodes.", TOO_MUCH)
        return self.complete

    def _stop(self, node: ast.AST, code: str, message: str, hint: str) -> None:
        self._problems.section()  # this one must be told
        self._problems.add(node, code, message, hint)
        self.complete = False

    def _opened(self, node: ast.AST) -> None:
        """Count a scope: the compiler's time grows with their square."""
        self._scopes += 1
        if self._scopes > MAX_SCOPES and self.complete:
            message = f"The source has more than {MAX_SCOPES} functions and comprehensions."
            self._stop(node, "WF105", message, "Use loops, or split the workflow in two.")

    # -------------------------------------------------------------------------- identifiers

    def _named(self, name: str, node: ast.AST, allowed: Collection[str] = HARMLESS_NAMES) -> None:
        """Note an identifier and judge its underscores."""
        self._identifiers.add(name)
        harmless = name in allowed or name in FORBIDDEN  # which has a hint of its own
        if harmless or not name.startswith("__") or not name.strip("_"):
            return
        hint = f"Rename it to `_{name.strip('_')}`."
        if name.endswith("__"):
            hint = "Such names are Python's own; a class body may define the usual ones."
        message = f"`{name}` begins with two underscores."
        self._problems.add(node, "WF132", message, hint, word=name)

    def _defined(self, name: str) -> None:
        """Note a private attribute that the source defines: it may read it as well."""
        if name.startswith("_") and not name.endswith("__"):
            self._own.add(name)

    def _bind(self, name: str, node: ast.AST, scope: Scope, *, free: bool = False) -> None:
        """Note that a name is bound; `free`: where shadowing harms nobody."""
        if scope.kind == "class":
            self._defined(name)
        self._named(name, node, self._own | _names_of(scope))
        harmless = scope.kind == "class" or (free and name not in SURFACE)
        if name in PREDEFINED and not harmless:
            self._rebound(name, node)
        scope.bind(name)

    def _rebound(self, name: str, node: ast.AST) -> None:
        hint = (
            "It is there without an import; drop it."
            if isinstance(node, ast.alias)
            else f"Choose another name, such as `my_{name}`."
        )
        message = f"`{name}` is predefined and stays as it is."
        self._problems.add(node, "WF135", message, hint, word=name)

    def _odd_identifiers(self) -> None:
        """Report identifiers that aren't ASCII: the parser has turned a wide `eval` into `eval`."""
        self._problems.section()
        for place, word in odd_words(self._problems.lines):
            if self._problems.full:
                return
            if unicodedata.normalize("NFKC", word) in self._identifiers:
                self._problems.at(place, "WF109", *_odd(word))

    # ---------------------------------------------------------------------- names and reads

    def name(self, node: ast.Name, scope: Scope) -> Children:
        """A name that is read or bound."""
        if isinstance(node.ctx, ast.Load):
            self._named(node.id, node, self._own | _names_of(scope))
            self.uses.append((node, scope))
        else:
            self._bind(node.id, node, scope, free=scope.kind == "comprehension")
        return []

    def attribute(self, node: ast.Attribute, scope: Scope) -> Children:
        """An attribute that is read or set."""
        loaded = isinstance(node.ctx, ast.Load)
        self._identifiers.add(node.attr)
        if not (loaded and _is_harmless(node.attr, scope)):
            self.attribute_named(node.attr, node, tail=node.attr)
        if isinstance(node.value, ast.Name):
            self.attributes.append((node, scope))
            if not loaded and node.value.id in self._selves:
                self._defined(node.attr)
        return [(node.value, scope)]

    def attribute_named(self, name: str, node: ast.AST, *, word: str = "", tail: str = "") -> None:
        """Note an attribute; whether a private one is the source's own is known at the end."""
        self._identifiers.add(name)
        if name in INSIDES:
            message = f"The attribute `{name}` is of Python's own workings."
            hint = "Leave it out: frames and code differ at each replay."
            self._problems.add(node, "WF137", message, hint, word=word, tail=tail)
        elif name.startswith("_") and name.strip("_") and name not in HARMLESS_ATTRIBUTES:
            self._private.append((name, node, word, tail))

    def _private_attributes(self) -> None:
        """Report private attributes that the source reads and nowhere defines."""
        self._problems.section()
        for name, node, word, tail in self._private:
            if name not in self._own:
                message = f"The attribute `{name}` is private, and not the source's own."
                hint = _attribute_hint(name)
                self._problems.add(node, "WF133", message, hint, word=word, tail=tail)

    def call(self, node: ast.Call, scope: Scope) -> Children:
        """A call; what is called by its name is judged later."""
        func = node.func
        if isinstance(func, ast.Name) or (
            isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name)
        ):
            self.calls.append((node, scope))
            self._access(node)
        if len(node.keywords) > MAX_KEYWORDS:
            self._stop(
                *(node, "WF105", f"A call has more than {MAX_KEYWORDS} keyword arguments."),
                "Pass a dict.",
            )
        return _children(node, scope)

    def _access(self, node: ast.Call) -> None:
        """Note the attribute that `getattr(x, "name")` and the like name."""
        match node:
            case ast.Call(
                func=ast.Name(id=function), args=[_, ast.Constant(value=str(name)) as text, *_]
            ) if function in COMPUTED_ACCESS:
                self.attribute_named(name, text)
            case _:
                pass

    def item(self, node: ast.Subscript, scope: Scope) -> Children:
        """`x[...]`; only `steps[...]` is of interest."""
        if isinstance(node.value, ast.Name) and node.value.id == "steps":
            self.items.append((node, scope))
        return [(node.value, scope), (node.slice, scope)]

    def keyword(self, node: ast.keyword, scope: Scope) -> Children:
        """`f(name=...)`: not a name of the source's, so it may be any."""
        if node.arg is not None:
            self._identifiers.add(node.arg)
        return [(node.value, scope)]

    def constant(self, node: ast.Constant, _scope: Scope) -> Children:
        """A literal; integers too long to be printed are refused."""
        if isinstance(node.value, int) and node.value.bit_length() > MAX_INT_BITS:
            hint = "Compute it, or keep it as a text."
            self._problems.add(node, "WF107", "This integer is too long.", hint)
        return []

    def fstring(self, node: ast.JoinedStr, scope: Scope) -> Children:
        """Look for odd identifiers inside: to the scan, it is all text."""
        lines = self._problems.lines
        text = "" if lines.ascii else lines.segment(node)
        if not text.isascii():
            inside = {name for part in ast.walk(node) for name in _identifiers_of(part)}
            for name in sorted(inside):
                if not name.isascii() or name not in text:
                    self._problems.add(node, "WF109", *_odd(name))
        return _children(node, scope)

    # --------------------------------------------------------------------------- statements

    def walrus(self, node: ast.NamedExpr, scope: Scope) -> Children:
        """`(name := ...)`."""
        self._named(node.target.id, node.target)
        if node.target.id in PREDEFINED:
            self._rebound(node.target.id, node.target)
        scope.bind_walrus(node.target.id)
        return [(node.value, scope)]

    def annotated(self, node: ast.AnnAssign, scope: Scope) -> Children:
        """`name: hint = ...`; hints are never evaluated."""
        found: Children = [(node.target, scope), (node.annotation, scope.inner("annotation"))]
        return [*found, (node.value, scope)] if node.value is not None else found

    def import_(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> Children:
        """An import, refused or not: what it binds is bound."""
        if scope.evaluated:
            check_import(node, self._problems)
        self.star |= any(alias.name == "*" for alias in node.names)
        for found in imported(node):
            self._named(found.name, found.node)
            if found.name in PREDEFINED and not found.same and scope.kind != "class":
                self._rebound(found.name, found.node)
            scope.bind(found.name, module=found.module)
        return []

    def global_(self, node: ast.Global, scope: Scope) -> Children:
        """`global a, b`."""
        for name in node.names:
            self._named(name, node)
        scope.declare_global(node.names)
        return []

    def nonlocal_(self, node: ast.Nonlocal, scope: Scope) -> Children:
        """`nonlocal a, b`."""
        for name in node.names:
            self._named(name, node)
        scope.declare_nonlocal(node.names)
        return []

    def handler(self, node: ast.ExceptHandler, scope: Scope) -> Children:
        """`except E as name:`."""
        if node.name is not None:
            self._bind(node.name, node, scope)
        return _children(node, scope)

    def capture(self, node: ast.MatchAs | ast.MatchStar, scope: Scope) -> Children:
        """`case ... as name:` and `case [first, *rest]:`."""
        if node.name is not None:
            self._bind(node.name, node, scope)
        return _children(node, scope)

    def match_mapping(self, node: ast.MatchMapping, scope: Scope) -> Children:
        """`case {**rest}:`."""
        if node.rest is not None:
            self._bind(node.rest, node, scope)
        return _children(node, scope)

    def match_class(self, node: ast.MatchClass, scope: Scope) -> Children:
        """`case Order(id=x)` reads an attribute without an Attribute node."""
        for name in node.kwd_attrs:
            self.attribute_named(name, node, word=name)
        return _children(node, scope)

    def type_parameter(self, node: Any, scope: Scope) -> Children:
        """`def f[T: int]()`, of Python 3.12; bounds are not evaluated."""
        self._bind(node.name, node, scope)
        return _children(node, scope.inner("annotation"))

    def type_alias(self, node: Any, scope: Scope) -> Children:
        """`type Pair = tuple[int, int]`, of Python 3.12; not evaluated either."""
        inner = scope.inner("annotation")
        parameters: Children = [(parameter, scope) for parameter in node.type_params]
        return [(node.name, scope), *parameters, (node.value, inner)]

    def branch(self, node: ast.If, scope: Scope) -> Children:
        """`if __name__ == "__main__":` is for another place: here it never runs."""
        match node.test:
            case ast.Compare(
                left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]
            ):
                return [
                    (node.test, scope),
                    *_each(node.body, scope.inner("annotation")),
                    *_each(node.orelse, scope),
                ]
            case _:
                return _children(node, scope)

    # ------------------------------------------------------------------------------- scopes

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Children:
        """A function: decorators, defaults and hints belong outside of it."""
        self._opened(node)
        self._bind(node.name, node, scope)
        inner = Scope("function", scope, node=node, is_async=isinstance(node, ast.AsyncFunctionDef))
        hints: Children = [(node.returns, scope.inner("annotation"))] if node.returns else []
        return [
            *_each([*node.decorator_list, *getattr(node, "type_params", ())], scope),
            *self._signature(node.args, scope, inner),
            *hints,
            *_each(node.body, inner),
        ]

    def lambda_(self, node: ast.Lambda, scope: Scope) -> Children:
        """A lambda."""
        self._opened(node)
        inner = Scope("function", scope, node=node)
        return [*self._signature(node.args, scope, inner), (node.body, inner)]

    def _signature(self, args: ast.arguments, outer: Scope, inner: Scope) -> Children:
        parameters = [*args.posonlyargs, *args.args, *args.kwonlyargs]
        parameters += [arg for arg in (args.vararg, args.kwarg) if arg is not None]
        hints = outer.inner("annotation")
        if outer.kind == "class" and parameters:
            self._selves.add(parameters[0].arg)
        for parameter in parameters:
            self._bind(parameter.arg, parameter, inner, free=True)
        return [
            *_each(args.defaults, outer),
            *_each([default for default in args.kw_defaults if default is not None], outer),
            *_each([p.annotation for p in parameters if p.annotation is not None], hints),
        ]

    def class_(self, node: ast.ClassDef, scope: Scope) -> Children:
        """A class: its body runs at once, in a scope of its own."""
        self._opened(node)
        self._bind(node.name, node, scope)
        outside = [*node.decorator_list, *getattr(node, "type_params", ())]
        return [
            *_each([*outside, *node.bases, *node.keywords], scope),
            *_each(node.body, scope.inner("class")),
        ]

    def comprehension(self, node: Any, scope: Scope) -> Children:
        """The first iterable is evaluated outside, everything else inside."""
        self._opened(node)
        inner = scope.inner("comprehension")
        first = node.generators[0]
        found: Children = [(first.iter, scope), (first.target, inner), *_each(first.ifs, inner)]
        for clause in node.generators[1:]:
            found += _each([clause.target, clause.iter, *clause.ifs], inner)
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return [*found, *_each(results, inner)]

    # ---------------------------------------------------------------------- await and yield

    def awaiting(self, node: ast.AST, scope: Scope) -> Children:
        """`await`, `async for`, `async with`."""
        if not scope.is_async:
            match scope.node:
                case ast.FunctionDef(name=name):
                    hint = f"Write `async def {name}`."
                case ast.Lambda():
                    hint = "Write an `async def` instead of the lambda."
                case _:
                    hint = "Move it into the entry, or into another `async def`."
            word = "await" if isinstance(node, ast.Await) else "async"
            self._problems.add(node, "WF116", "Only an async function can await.", hint, word=word)
        return _children(node, scope)

    def yielding(self, node: ast.Yield | ast.YieldFrom, scope: Scope) -> Children:
        """`yield`: it makes a generator of the function."""
        if scope.node is not None:
            self.generators.add(scope.node)
        return _children(node, scope)


_ATTRIBUTE_HINTS: Final = {
    "__class__": "Write type(x).",
    "__hash__": "It differs between processes. Compare values, or use hashlib.",
    "__dict__": "Name the attributes you mean, or use dataclasses.asdict(x).",
    "__traceback__": "Raise, or print the exception; its lines are kept with the run.",
    "__import__": "Write an import statement for one of the offered modules.",
}


def _names_of(scope: Scope) -> frozenset[str]:
    """Return which names may begin with an underscore here."""
    return CLASS_DUNDERS | HARMLESS_NAMES if scope.kind == "class" else HARMLESS_NAMES


def _odd(word: str) -> tuple[str, str]:
    message = f"The name `{word}` has characters beyond ASCII."
    return message, "Write names with A-Z, a-z, 0-9 and _; texts may contain anything."


def _is_harmless(name: str, scope: Scope) -> bool:
    """Whether a name may be read here: an object's type, and its hash where one is made."""
    if name == "__hash__":
        return scope.makes_hash
    return name == "__class__"


def _attribute_hint(name: str) -> str:
    """Say what to write instead of an attribute that begins with an underscore."""
    if name.endswith("__"):
        return _ATTRIBUTE_HINTS.get(name, "Use what the object offers without underscores.")
    return f"Define it in a class of the source, or rename it to `{name.strip('_')}`."


def _children(node: ast.AST, scope: Scope) -> Children:
    """Every child of a node, in the node's own scope."""
    found: Children = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            found += [(item, scope) for item in value if isinstance(item, ast.AST)]  # pyright: ignore[reportUnknownVariableType]
        elif isinstance(value, ast.AST):
            found.append((value, scope))
    return [(child, inner) for child, inner in found if not isinstance(child, _MARKS)]


def _each(nodes: Iterable[ast.AST], scope: Scope) -> Children:
    return [(node, scope) for node in nodes]


def _identifiers_of(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return [name]
        case ast.keyword(arg=str(name)):
            return [name]
        case _:
            return []


_VISITORS: Final[dict[type[ast.AST], Callable[[Walk, Any, Scope], Children]]] = {
    ast.Name: Walk.name,
    ast.Attribute: Walk.attribute,
    ast.Call: Walk.call,
    ast.Subscript: Walk.item,
    ast.keyword: Walk.keyword,
    ast.Constant: Walk.constant,
    ast.JoinedStr: Walk.fstring,
    ast.NamedExpr: Walk.walrus,
    ast.AnnAssign: Walk.annotated,
    ast.Import: Walk.import_,
    ast.ImportFrom: Walk.import_,
    ast.If: Walk.branch,
    ast.Global: Walk.global_,
    ast.Nonlocal: Walk.nonlocal_,
    ast.ExceptHandler: Walk.handler,
    ast.MatchAs: Walk.capture,
    ast.MatchStar: Walk.capture,
    ast.MatchMapping: Walk.match_mapping,
    ast.MatchClass: Walk.match_class,
    ast.FunctionDef: Walk.function,
    ast.AsyncFunctionDef: Walk.function,
    ast.Lambda: Walk.lambda_,
    ast.ClassDef: Walk.class_,
    ast.ListComp: Walk.comprehension,
    ast.SetComp: Walk.comprehension,
    ast.DictComp: Walk.comprehension,
    ast.GeneratorExp: Walk.comprehension,
    ast.Await: Walk.awaiting,
    ast.AsyncFor: Walk.awaiting,
    ast.AsyncWith: Walk.awaiting,
    ast.Yield: Walk.yielding,
    ast.YieldFrom: Walk.yielding,
}
_SINCE_3_12: Final[dict[str, Callable[[Walk, Any, Scope], Children]]] = {
    "TypeVar": Walk.type_parameter,
    "ParamSpec": Walk.type_parameter,
    "TypeVarTuple": Walk.type_parameter,
    "TypeAlias": Walk.type_alias,
}
for _name, _visit in _SINCE_3_12.items():
    if hasattr(ast, _name):
        _VISITORS[getattr(ast, _name)] = _visit
