"""What Python a source may be written in: version, names, modules and their members, as data.

The tables say what is offered; a hint beside each refusal says what to write instead. They keep
runs deterministic and durable and are no boundary: what a source can reach is decided by the host
and by the guest's confinement. `guest.modules` builds the runtime faces of `MODULES`,
`guest.check` walks a source against all of it.
"""

from __future__ import annotations
import __future__ as future_flags

import ast
import contextlib
import threading
import warnings
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import CodeType

__all__ = [
    "BUILTINS",
    "CLASS_DUNDERS",
    "COMPUTED_ACCESS",
    "DIRECTIVE",
    "FORBIDDEN",
    "HARMLESS_ATTRIBUTES",
    "HARMLESS_NAMES",
    "INSIDES",
    "LANGUAGE_VERSION",
    "MAX_BRACKETS",
    "MAX_CHAIN",
    "MAX_DEPTH",
    "MAX_INT_BITS",
    "MAX_KEYWORDS",
    "MAX_NODES",
    "MAX_PROBLEMS",
    "MAX_SCOPES",
    "MAX_SOURCE_BYTES",
    "MAX_WORDS",
    "MEMBER_HINTS",
    "MODULES",
    "MODULE_HINTS",
    "NODES",
    "NON_DURABLE_WAITS",
    "PREDEFINED",
    "PREDEFINED_MODULES",
    "SURFACE",
    "compile_source",
    "parse_source",
    "quietly",
]

LANGUAGE_VERSION: Final = 1
"""Stored with every run. It changes when a source that was accepted would now behave otherwise."""

DIRECTIVE: Final = "use workflow"

MAX_SOURCE_BYTES: Final = 128 << 10
# The densest 128 KiB of the standard library are 14,000 nodes and 20,000 words. These limits keep
# parser, walk and compiler within 200 ms whatever the text is; see tests/unit/test_validate.py.
MAX_NODES: Final = 25_000
MAX_WORDS: Final = 40_000
MAX_SCOPES: Final = 500  # functions, lambdas, classes, comprehensions: CPython is quadratic in them
MAX_KEYWORDS: Final = 250  # of one call: quadratic too
MAX_DEPTH: Final = 150  # of nodes: the compiler recurses, and so does guest.transform
MAX_BRACKETS: Final = 100  # open at once
MAX_CHAIN: Final = 500  # operators and dots in a row: `not not …`, `a.b.c…`
MAX_INT_BITS: Final = 14_000  # about 4,200 decimal digits: Python refuses to print longer ones
MAX_PROBLEMS: Final = 100


_QUIET: Final = threading.Lock()  # the warnings' filters belong to the whole process


@contextlib.contextmanager
def quietly() -> Generator[None]:
    """Parse or compile without warnings: they are for the author of a source, not for us."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parse_source(source: str, filename: str = "<unknown>") -> ast.Module:
    """Return the tree of a source.

    CPython 3.11 counts depth for the whole process: if the collector runs meanwhile, and a
    finalizer parses too (whatever formats a traceback does), the count is off and a good source is
    refused. It isn't the second time.

    Raises:
        SyntaxError: it is not Python.
        ValueError, RecursionError, MemoryError: it is more than the parser takes.
    """
    try:
        return ast.parse(source, filename)
    except SystemError:
        return ast.parse(source, filename)


def compile_source(source: str | ast.Module, filename: str) -> CodeType:
    """Compile a source as the guest runs it: annotations stay text and are never evaluated.

    So a hint may name a type that exists only in the host (`order: Order`).

    Raises:
        SyntaxError: it is not Python.
        ValueError, RecursionError, MemoryError: it is more than the compiler takes.
    """
    flags = future_flags.annotations.compiler_flag
    with quietly():
        code: CodeType = compile(source, filename, "exec", flags=flags, dont_inherit=True)
    return code


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ------------------------------------------------------------------------------ what is predefined

SURFACE: Final = _names("steps sleep create_hook")
"""The names whose meaning a source may not change anywhere: what it asks the host for."""

PREDEFINED: Final = SURFACE | _names(
    "now random uuid4 print asyncio FatalError RetryableError StepError HookConflictError"
)

PREDEFINED_MODULES: Final[Mapping[str, str]] = {"asyncio": "asyncio", "random": "random"}

BUILTINS: Final = _names("""
    None True False Ellipsis NotImplemented __debug__ __name__ __build_class__
    abs aiter all anext any ascii bin bool bytearray bytes callable chr classmethod complex dict
    divmod enumerate filter float format frozenset int isinstance issubclass iter len list map max
    min next object oct hex ord pow property range repr reversed round set slice sorted
    staticmethod str sum super tuple type zip
    getattr setattr hasattr delattr
    ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError
    BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError
    ConnectionError ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError
    EncodingWarning EnvironmentError Exception ExceptionGroup FileExistsError FileNotFoundError
    FloatingPointError FutureWarning GeneratorExit IOError ImportError ImportWarning
    IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt
    LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError
    OSError OverflowError PendingDeprecationWarning PermissionError ProcessLookupError
    RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration
    StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError TypeError
    UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError
    UnicodeWarning UserWarning ValueError Warning ZeroDivisionError
""")
"""Builtin names that a source finds, besides `PREDEFINED`."""

COMPUTED_ACCESS: Final = _names("getattr setattr hasattr delattr")
"""Builtins that may only be called, and only with the attribute's name written out."""

_NO_CODE = "Write the code itself; text cannot become code in a source."
_NO_PROMPT = 'Ask a person with `await create_hook(title="…")`.'
_NO_NAMESPACE = "Keep the values in a dict of your own."
_NO_SESSION = "It belongs to an interactive session; leave it out."

FORBIDDEN: Final[Mapping[str, str]] = {
    "exec": _NO_CODE,
    "eval": _NO_CODE + " For data, use json.loads(text).",
    "compile": _NO_CODE,
    "__import__": "Write an import statement for one of the offered modules.",
    "open": "Read and write files in a step.",
    "input": _NO_PROMPT,
    "globals": _NO_NAMESPACE,
    "locals": _NO_NAMESPACE,
    "vars": "Name the attributes you mean, or keep the values in a dict of your own.",
    "dir": "Name the attributes you mean.",
    "id": "It differs at each replay. Compare with `is`, or use uuid4() for a fresh id.",
    "hash": "It differs between processes. Compare values, use hashlib, or define __hash__.",
    "memoryview": "Slice the bytes.",
    "breakpoint": 'Print instead, or run with isolation="inline" to debug.',
    "help": _NO_SESSION,
    "exit": "Return from the entry, or raise an exception.",
    "quit": "Return from the entry, or raise an exception.",
    "copyright": _NO_SESSION,
    "credits": _NO_SESSION,
    "license": _NO_SESSION,
    "step": "Steps are defined outside of a source; call them as steps.NAME(...).",
    "display": "Return the value, or print it; show it outside the workflow.",
    "get_ipython": "Use magics outside the workflow, or in a step.",
}
"""Names that a source doesn't find although Python or a notebook has them, and what to do."""

# ------------------------------------------------------------------------- names that begin with _

CLASS_DUNDERS: Final = _names("""
    __init__ __new__ __post_init__ __init_subclass__ __class_getitem__ __set_name__ __call__
    __repr__ __str__ __format__ __bytes__ __bool__ __len__ __length_hint__ __hash__
    __eq__ __ne__ __lt__ __le__ __gt__ __ge__
    __iter__ __next__ __reversed__ __contains__ __getitem__ __setitem__ __delitem__ __missing__
    __aiter__ __anext__ __await__ __enter__ __exit__ __aenter__ __aexit__
    __get__ __set__ __delete__ __getattr__ __setattr__ __delattr__
    __add__ __sub__ __mul__ __matmul__ __truediv__ __floordiv__ __mod__ __divmod__ __pow__
    __lshift__ __rshift__ __and__ __xor__ __or__ __neg__ __pos__ __abs__ __invert__
    __radd__ __rsub__ __rmul__ __rmatmul__ __rtruediv__ __rfloordiv__ __rmod__ __rdivmod__
    __rpow__ __rlshift__ __rrshift__ __rand__ __rxor__ __ror__
    __iadd__ __isub__ __imul__ __imatmul__ __itruediv__ __ifloordiv__ __imod__ __ipow__
    __ilshift__ __irshift__ __iand__ __ixor__ __ior__
    __int__ __float__ __complex__ __index__ __round__ __trunc__ __floor__ __ceil__
    __copy__ __deepcopy__ __instancecheck__ __subclasscheck__ __subclasshook__
    __slots__ __match_args__ __doc__ __hash__ __annotations__
    _missing_ _generate_next_value_ _ignore_ _order_
""")
"""What a class body may define although it begins with two underscores."""

HARMLESS_ATTRIBUTES: Final = (CLASS_DUNDERS - {"__hash__"}) | _names("""
    __name__ __qualname__ __module__ __cause__ __context__ __suppress_context__ __notes__
    __wrapped__ __members__ __args__ __origin__
    _replace _asdict _fields _make _field_defaults _name_ _value_
""")
"""What may be read from any object although it begins with an underscore."""

HARMLESS_NAMES: Final = _names("__name__ __debug__ __all__ __doc__ __version__ __author__")
"""What may stand as a name although it begins with two underscores."""

INSIDES: Final = _names("""
    gi_code gi_frame gi_yieldfrom cr_await cr_code cr_frame cr_origin ag_await ag_code ag_frame
    tb_frame tb_lasti tb_next f_back f_builtins f_code f_globals f_lasti f_locals f_trace
    co_code co_consts co_filename co_names co_positions
    _coro _evaluate
""")
"""What no object hands out: frames, code, and texts that are evaluated. They differ at each replay."""

# ------------------------------------------------------------------------------------- the modules

_ABC: Final = _names("""
    AsyncGenerator AsyncIterable AsyncIterator Awaitable Callable Collection Container Coroutine
    Generator Hashable ItemsView Iterable Iterator KeysView Mapping MappingView MutableMapping
    MutableSequence MutableSet Reversible Sequence Set Sized ValuesView
""")

MODULES: Final[Mapping[str, frozenset[str]]] = {
    "__future__": _names("annotations"),
    "abc": _names("ABC ABCMeta abstractmethod"),
    "asyncio": _names("""
        ALL_COMPLETED FIRST_COMPLETED FIRST_EXCEPTION Barrier BoundedSemaphore BrokenBarrierError
        CancelledError Condition Event Future InvalidStateError LifoQueue Lock PriorityQueue Queue
        QueueEmpty QueueFull Semaphore Task TaskGroup Timeout TimeoutError as_completed
        create_task current_task ensure_future gather iscoroutine iscoroutinefunction isfuture
        shield sleep timeout wait wait_for
    """),
    "base64": _names("""
        a85decode a85encode b16decode b16encode b32decode b32encode b64decode b64encode b85decode
        b85encode standard_b64decode standard_b64encode urlsafe_b64decode urlsafe_b64encode
    """),
    "bisect": _names("bisect bisect_left bisect_right insort insort_left insort_right"),
    "calendar": _names("""
        Calendar FRIDAY MONDAY SATURDAY SUNDAY THURSDAY TUESDAY WEDNESDAY isleap leapdays
        monthrange timegm weekday
    """),
    "collections": _names("""
        ChainMap Counter OrderedDict UserDict UserList UserString abc defaultdict deque namedtuple
    """),
    "collections.abc": _ABC,
    "contextlib": _names("""
        AbstractAsyncContextManager AbstractContextManager AsyncContextDecorator AsyncExitStack
        ContextDecorator ExitStack aclosing asynccontextmanager closing contextmanager nullcontext
        suppress
    """),
    "copy": _names("Error copy deepcopy"),
    "csv": _names("""
        DictReader DictWriter Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC reader
        writer
    """),
    "dataclasses": _names("""
        Field FrozenInstanceError InitVar KW_ONLY MISSING asdict astuple dataclass field fields
        is_dataclass make_dataclass replace
    """),
    "datetime": _names("MAXYEAR MINYEAR UTC date datetime time timedelta timezone tzinfo"),
    "decimal": _names("""
        BasicContext Clamped Context Decimal DecimalException DecimalTuple DefaultContext
        DivisionByZero ExtendedContext FloatOperation Inexact InvalidOperation MAX_EMAX MAX_PREC
        MIN_EMIN MIN_ETINY Overflow ROUND_05UP ROUND_CEILING ROUND_DOWN ROUND_FLOOR
        ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP Rounded Subnormal Underflow
        getcontext localcontext setcontext
    """),
    "difflib": _names("""
        Differ SequenceMatcher context_diff get_close_matches ndiff unified_diff
    """),
    "enum": _names("""
        CONFORM CONTINUOUS EJECT Enum EnumCheck EnumMeta EnumType Flag FlagBoundary IntEnum
        IntFlag KEEP NAMED_FLAGS ReprEnum STRICT StrEnum UNIQUE auto member nonmember property
        unique verify
    """),
    "fractions": _names("Fraction"),
    "functools": _names("""
        WRAPPER_ASSIGNMENTS WRAPPER_UPDATES cache cached_property cmp_to_key lru_cache partial
        partialmethod reduce singledispatch singledispatchmethod total_ordering update_wrapper
        wraps
    """),
    "graphlib": _names("CycleError TopologicalSorter"),
    "hashlib": _names("""
        blake2b blake2s md5 new sha1 sha224 sha256 sha384 sha3_224 sha3_256 sha3_384 sha3_512 sha512
    """),
    "heapq": _names("""
        heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest
    """),
    "hmac": _names("compare_digest digest new"),
    "html": _names("escape unescape"),
    "inspect": _names("""
        isasyncgen isasyncgenfunction isawaitable isclass iscoroutine iscoroutinefunction isfunction
        isgenerator isgeneratorfunction ismethod
    """),
    "io": _names("BytesIO StringIO"),
    "itertools": _names("""
        accumulate chain combinations combinations_with_replacement compress count cycle dropwhile
        filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee
        zip_longest
    """),
    "json": _names("JSONDecodeError JSONDecoder JSONEncoder dumps loads"),
    "math": _names("""
        acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf
        erfc exp exp2 expm1 fabs factorial floor fmod frexp fsum gamma gcd hypot inf isclose
        isfinite isinf isnan isqrt lcm ldexp lgamma log log10 log1p log2 modf nan nextafter perm
        pi pow prod radians remainder sin sinh sqrt tan tanh tau trunc ulp
    """),
    "numbers": _names("Complex Integral Number Rational Real"),
    "operator": _names("""
        abs add and_ attrgetter call concat contains countOf delitem eq floordiv ge getitem gt
        iadd iand iconcat ifloordiv ilshift imatmul imod imul index indexOf inv invert ior ipow
        irshift is_ is_not isub itemgetter itruediv ixor le length_hint lshift lt matmul
        methodcaller mod mul ne neg not_ or_ pos pow rshift setitem sub truediv truth xor
    """),
    "random": _names("""
        Random betavariate choice choices expovariate gammavariate gauss getrandbits
        lognormvariate normalvariate paretovariate randbytes randint random randrange sample seed
        shuffle triangular uniform vonmisesvariate weibullvariate
    """),
    "re": _names("""
        A ASCII DOTALL I IGNORECASE M MULTILINE Match NOFLAG Pattern RegexFlag S U UNICODE VERBOSE
        X compile error escape findall finditer fullmatch match purge search split sub subn
    """),
    "statistics": _names("""
        NormalDist StatisticsError correlation covariance fmean geometric_mean harmonic_mean
        linear_regression mean median median_grouped median_high median_low mode multimode pstdev
        pvariance quantiles stdev variance
    """),
    "string": _names("""
        Formatter Template ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits
        octdigits printable punctuation whitespace
    """),
    "textwrap": _names("TextWrapper dedent fill indent shorten wrap"),
    "time": _names("""
        gmtime localtime monotonic monotonic_ns perf_counter perf_counter_ns strftime struct_time
        time time_ns
    """),
    "types": _names("MappingProxyType NoneType SimpleNamespace"),
    "typing": _ABC
    | _names("""
        AbstractSet Annotated Any AnyStr AsyncContextManager ChainMap ClassVar Concatenate
        ContextManager Counter DefaultDict Deque Dict Final FrozenSet Generic List
        Literal LiteralString Match NamedTuple Never NewType NoReturn NotRequired Optional
        OrderedDict ParamSpec ParamSpecArgs ParamSpecKwargs Pattern Protocol Required Self Set
        SupportsAbs SupportsBytes SupportsComplex SupportsFloat SupportsIndex SupportsInt
        SupportsRound TYPE_CHECKING Text Tuple Type TypeAlias TypeGuard TypeVar TypeVarTuple
        TypedDict Union Unpack assert_never assert_type cast dataclass_transform final get_args
        get_origin is_typeddict no_type_check overload reveal_type runtime_checkable
    """),
    "unicodedata": _names("category combining normalize"),
    "urllib": _names("parse"),
    "urllib.parse": _names("""
        parse_qs parse_qsl quote quote_plus unquote unquote_plus urldefrag urlencode urljoin
        urlparse urlsplit urlunparse urlunsplit
    """),
    "uuid": _names(
        "NAMESPACE_DNS NAMESPACE_OID NAMESPACE_URL NAMESPACE_X500 UUID uuid3 uuid4 uuid5"
    ),
}
"""Module to the members that a source finds in it; all exist on Python 3.11 and later."""

_IO = "Do it in a step."
_HTTP = "Make the request in a step, and call it as steps.NAME(...)."
_DATA = "Compute with it in a step, and pass plain results."
_THREADS = "Start several steps and await them with asyncio.gather(...)."

MODULE_HINTS: Final[Mapping[str, str]] = {
    "sched": 'Use `await sleep("30s")` to wait.',
    "threading": _THREADS,
    "multiprocessing": _THREADS,
    "concurrent": _THREADS,
    "subprocess": "Run commands in a step.",
    "os": "Read files, the environment and the system in a step.",
    "sys": "Leave it out; what needs the system belongs in a step.",
    "pathlib": "Read and write files in a step.",
    "shutil": "Read and write files in a step.",
    "tempfile": "Read and write files in a step.",
    "glob": "Read and write files in a step.",
    "sqlite3": _IO,
    "duckdb": _IO,
    "sqlalchemy": _IO,
    "socket": _IO,
    "smtplib": _IO,
    "http": _HTTP,
    "urllib3": _HTTP,
    "requests": _HTTP,
    "httpx": _HTTP,
    "aiohttp": _HTTP,
    "boto3": _HTTP,
    "openai": _HTTP,
    "anthropic": _HTTP,
    "pandas": _DATA,
    "polars": _DATA,
    "numpy": _DATA,
    "pyarrow": _DATA,
    "scipy": _DATA,
    "sklearn": _DATA,
    "matplotlib": _DATA,
    "secrets": "Use random and uuid4(): both repeat at replay.",
    "logging": "Use print(...): it is kept with the run and printed once.",
    "warnings": "Use print(...): it is kept with the run and printed once.",
    "traceback": "Raise, or print the exception; its lines are kept with the run.",
    "zoneinfo": "Use datetime.timezone and fixed offsets, or convert in a step.",
    "importlib": "Write an import statement for one of the offered modules.",
    "pickle": "Values cross to steps by themselves; use json for text.",
    "pydantic": "Use a dataclass here; models of the host arrive as records.",
    "vercel": "steps, sleep and create_hook are already there.",
    "wf_notebook": "steps, sleep, create_hook and the errors are already there; drop the import.",
    "IPython": "Show things outside the workflow, or print(...).",
    "tqdm": "The live view shows the progress; drop it.",
}
"""Top-level module names that people reach for, and what to do instead."""

_NO_LOOP = "There is no loop to hold: await things, or use asyncio.create_task(...)."
_STEP_THREAD = "Call the function as a step: a step may block."

MEMBER_HINTS: Final[Mapping[str, str]] = {
    "asyncio.run": "The entry is awaited for you; drop the call, or await the coroutine.",
    "asyncio.Runner": "The entry is awaited for you.",
    "asyncio.get_event_loop": _NO_LOOP,
    "asyncio.get_running_loop": _NO_LOOP,
    "asyncio.new_event_loop": _NO_LOOP,
    "asyncio.set_event_loop": _NO_LOOP,
    "asyncio.all_tasks": "Keep the tasks you create in a list.",
    "asyncio.timeout_at": "Use asyncio.timeout(seconds).",
    "asyncio.to_thread": _STEP_THREAD,
    "asyncio.run_coroutine_threadsafe": _NO_LOOP,
    "asyncio.wrap_future": _NO_LOOP,
    "asyncio.create_subprocess_exec": "Run commands in a step.",
    "asyncio.create_subprocess_shell": "Run commands in a step.",
    "asyncio.open_connection": _IO,
    "asyncio.start_server": _IO,
    "asyncio.StreamReader": _IO,
    "asyncio.StreamWriter": _IO,
    "abc.abstractproperty": "Write @property above @abstractmethod.",
    "calendar.month_name": "Write a list of the names, or use strftime.",
    "calendar.day_name": "Write a list of the names, or use strftime.",
    "contextlib.redirect_stdout": "Write print(..., file=io.StringIO()).",
    "copy.replace": "Use dataclasses.replace(x, …).",
    "csv.field_size_limit": "Leave it out.",
    "hashlib.file_digest": "Read the file in a step.",
    "inspect.signature": "Leave it out; a source knows its own functions.",
    "inspect.currentframe": "Leave it out; the lines of an error are kept with the run.",
    "inspect.stack": "Leave it out; the lines of an error are kept with the run.",
    "io.open": "Read and write files in a step.",
    "io.TextIOWrapper": "Read and write files in a step.",
    "time.sleep": 'Write `await sleep("30s")`: it survives a restart.',
    "time.process_time": "Measure it in a step; a source is not timed.",
    "types.FunctionType": "Write a function.",
    "urllib.request": _HTTP,
    "urllib.error": _HTTP,
    "json.load": "Read the file in a step and use json.loads(text).",
    "json.dump": "Write the file in a step with json.dumps(value).",
    "random.SystemRandom": "Use random.Random() or the functions of random: they repeat at replay.",
    "random.getstate": "Make a random.Random(seed) of your own.",
    "random.setstate": "Make a random.Random(seed) of your own.",
    "uuid.uuid1": "Use uuid4(): it repeats at replay.",
    "uuid.getnode": "Ask for it in a step.",
    "typing.get_type_hints": "Annotations are not evaluated in a source.",
    "typing.override": "Leave the decorator out.",
    "itertools.batched": "Slice instead: [xs[i : i + n] for i in range(0, len(xs), n)].",
    "re.LOCALE": "Leave the flag out.",
    "re.L": "Leave the flag out.",
}
"""`module.member` that people reach for, and what to do instead."""

NON_DURABLE_WAITS: Final[Mapping[str, str]] = {
    "time.sleep": 'Write `await sleep("30s")`: it survives a restart.',
    "asyncio.to_thread": _STEP_THREAD,
    "asyncio.run_coroutine_threadsafe": _NO_LOOP,
    "threading.Event": "Use asyncio.Event().",
    "threading.Timer": 'Write `await sleep("30s")`, then call the function.',
    "threading.Thread": _THREADS,
    "signal.pause": "Use `await create_hook(...)`.",
    "select.select": "Use `await create_hook(...)`.",
    "anyio.sleep": 'Write `await sleep("30s")`.',
    "trio.sleep": 'Write `await sleep("30s")`.',
    "gevent.sleep": 'Write `await sleep("30s")`.',
}
"""Dotted calls that would wait without the run knowing, and what to write instead."""

# ----------------------------------------------------------------------------------------- grammar

NODES: Final = _names("""
    Module Expression Interactive FunctionDef AsyncFunctionDef ClassDef Return Delete Assign
    TypeAlias AugAssign AnnAssign For AsyncFor While If With AsyncWith Match Raise Try TryStar
    Assert Import ImportFrom Global Nonlocal Expr Pass Break Continue
    BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set ListComp SetComp DictComp GeneratorExp
    Await Yield YieldFrom Compare Call FormattedValue JoinedStr Interpolation TemplateStr Constant
    Attribute Subscript Starred Name List Tuple Slice
    comprehension ExceptHandler arguments arg keyword alias withitem match_case
    MatchValue MatchSingleton MatchSequence MatchMapping MatchClass MatchStar MatchAs MatchOr
    TypeVar ParamSpec TypeVarTuple
    Load Store Del And Or Add Sub Mult MatMult Div Mod Pow LShift RShift BitOr BitXor BitAnd
    FloorDiv Invert Not UAdd USub Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn
""")
"""Names of the `ast` nodes a source may consist of: today's whole grammar, so that a later
Python's new syntax is refused until somebody has thought about it."""
