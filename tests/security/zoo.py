"""A source that makes one of each kind of object that the language can make, and keeps them."""

ZOO = """
import abc, base64, bisect, calendar, collections, contextlib, copy, csv, dataclasses, datetime
import decimal, difflib, enum, fractions, functools, graphlib, hashlib, hmac, html, inspect, io
import itertools, json, math, numbers, operator, re, statistics, string, textwrap, time, types
import typing, unicodedata, uuid
import collections.abc
import urllib.parse

kept = []

class Plain:
    attribute = 1
    def method(self): return self
    @property
    def prop(self): return 1
    @classmethod
    def made(cls): return cls()
    @staticmethod
    def static(): return 1

class Base(abc.ABC):
    @abc.abstractmethod
    def do(self): ...

class Error(ValueError):
    pass

class Colour(enum.Enum):
    RED = 1

class Flags(enum.Flag):
    A = 1

class Pair(typing.NamedTuple):
    left: int = 1

class Box(typing.Generic[typing.TypeVar("T")]):
    pass

class Reads(typing.Protocol):
    def read(self): ...

@dataclasses.dataclass
class Data:
    x: int = 1
    y: typing.ClassVar[int] = 2

@functools.lru_cache
def cached(x): return x

@functools.singledispatch
def dispatched(x): return x

@dispatched.register
def on_int(x: int): return x

@contextlib.contextmanager
def managed():
    yield 1

@contextlib.asynccontextmanager
async def async_managed():
    yield 1

def generator():
    yield kept

async def agenerator():
    yield 1

async def coroutine(seconds):
    await asyncio.sleep(seconds)

def raises():
    try:
        try:
            raise Error("inner")
        except Error as error:
            raise ExceptionGroup("outer", [error, KeyError(1)]) from error
    except ExceptionGroup as group:
        group.add_note("note")
        return group

def attempt(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return error

async def workflow():
    hook = create_hook("t")
    group = asyncio.TaskGroup()
    await group.__aenter__()
    timeout = asyncio.timeout(100)
    await timeout.__aenter__()
    agen = agenerator()
    await anext(agen)
    gen = generator()
    next(gen)
    async_stack = contextlib.AsyncExitStack()
    condition = asyncio.Condition()
    queue = asyncio.Queue()
    kept.extend([
        Plain, Plain(), Plain().method, Plain.prop, Base, Error("x"), Colour, Colour.RED, Flags, Flags.A,
        Pair, Pair(), Box, Box[int], Box(), Reads, Data, Data(), dataclasses.fields(Data), cached, dispatched,
        dispatched.registry, managed, managed(), async_managed(), gen, agen, coroutine, group, timeout,
        asyncio.create_task(coroutine(100)), asyncio.current_task(), asyncio.Future(), steps.a(1), steps, sleep(100),
        hook, asyncio.Lock(), asyncio.Event(), condition, asyncio.Semaphore(), asyncio.BoundedSemaphore(),
        asyncio.Barrier(2), queue, asyncio.LifoQueue(), asyncio.PriorityQueue(), asyncio.as_completed([]),
        asyncio.gather(coroutine(100), coroutine(100)), asyncio.shield(coroutine(100)), raises(), lambda: 1,
        collections.Counter("a"), collections.OrderedDict(a=1), collections.defaultdict(list), collections.deque([1]),
        collections.ChainMap({}), collections.UserDict(), collections.UserList(), collections.UserString("a"),
        collections.namedtuple("N", "a b")(1, 2), contextlib.ExitStack(), async_stack, contextlib.nullcontext(1),
        contextlib.suppress(ValueError), contextlib.closing(io.StringIO()), csv.reader(["a,b"]), csv.writer(io.StringIO()),
        csv.DictReader(["a"]), csv.DictWriter(io.StringIO(), ["a"]), now(), now().date(), now().time(), datetime.timezone.utc,
        datetime.timedelta(1), datetime.date.today(), decimal.Decimal(1), decimal.getcontext(), decimal.localcontext(),
        attempt(decimal.Decimal, "x"), difflib.SequenceMatcher(None, "a", "b"), difflib.Differ(), fractions.Fraction(1),
        functools.partial(cached, 1), functools.partialmethod(cached), functools.cached_property(cached),
        functools.cmp_to_key(cached), functools.wraps(cached), functools.singledispatchmethod(cached),
        graphlib.TopologicalSorter({1: [2]}), hashlib.sha256(b""), hashlib.blake2b(b""), hashlib.new("md5"),
        hmac.new(b"a", b"b", "sha256"), io.StringIO("a"), io.BytesIO(b"a"), io.BytesIO(b"a").getbuffer(), itertools.count(), itertools.tee([1]),
        itertools.groupby("a"), iter([1]), iter({1: 2}), iter({1}), iter("a"), iter((1,)), iter(range(3)), reversed([1]), zip([1]),
        map(str, [1]), filter(None, [1]), enumerate([1]), {1: 2}.keys(), {1: 2}.items(), slice(1), range(3), {1}, frozenset([1]),
        b"a", bytearray(b"a"), 1j, object(), super(Plain, Plain()), json.JSONEncoder(), json.JSONDecoder(), attempt(json.loads, "{"),
        operator.itemgetter(1), operator.attrgetter("a"), operator.methodcaller("a"), random.Random(1), random, random.random,
        re.compile("(a)"), re.match("(a)", "a"), re.finditer("a", "a"), attempt(re.compile, "("), re.I, statistics.NormalDist(),
        string.Formatter(), string.Template("$a"), textwrap.TextWrapper(), time.gmtime(), types.SimpleNamespace(a=1),
        types.MappingProxyType({}), typing.List[int], typing.Optional["Data"], typing.Union[int, str], typing.Callable[[int], str],
        typing.TypeVar("T"), typing.ParamSpec("P"), typing.Annotated[int, 1], typing.Literal[1], typing.NewType("I", int),
        typing.get_args(typing.List["Data"]), list[int], int | str, uuid4(), urllib.parse.urlparse("a://b/c"), urllib.parse.urlsplit("a"),
        calendar.Calendar(), FatalError("x"), StepError("x"), NotImplemented, ..., type, classmethod(cached),
        property(cached), staticmethod(cached), __name__,
    ])
    await asyncio.Event().wait()
"""
