import difflib
import html
import textwrap
import unicodedata


def slug(title):
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return "-".join("".join(c if c.isalnum() else " " for c in plain.lower()).split())


async def workflow(doc):
    "use workflow"
    old, new = await asyncio.gather(steps.version(doc["id"], 1), steps.version(doc["id"], 2))
    diff = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "v1", "v2", lineterm="", n=1))
    added = [line[1:] for line in diff if line.startswith("+") and not line.startswith("+++")]
    ratio = difflib.SequenceMatcher(None, old, new).ratio()
    verdict = await create_hook(schema="Review", title=f"Review {doc['title']}", metadata={"diff": diff})
    page = textwrap.dedent("""\
        <h1>{title}</h1>
          <p>{body}</p>
    """).format(title=html.escape(doc["title"]), body=html.escape(" ".join(added), quote=False))
    return {
        "slug": slug(doc["title"]), "diff": diff, "ratio": round(ratio, 3), "verdict": verdict.state, "page": page,
        "near": difflib.get_close_matches("aple", ["ape", "apple", "maple"]), "short": textwrap.shorten("the quick brown fox", 12, placeholder="…"),
        "wrapped": textwrap.wrap("aaa bbb ccc ddd", 7), "indent": textwrap.indent("a\nb", "> "), "unescaped": html.unescape("&lt;&eacute;"),
    }
