import math
import statistics as st
from bisect import bisect_left, insort


def histogram(values, edges):
    counts = [0] * (len(edges) + 1)
    for v in values:
        counts[bisect_left(edges, v)] += 1
    return counts


def ewma(values, alpha=0.5):
    level = None
    for v in values:
        level = v if level is None else alpha * v + (1 - alpha) * level
        yield round(level, 4)


async def workflow(metric):
    "use workflow"
    values = [float(v) for v in await steps.series(metric)]
    clean = [v for v in values if not math.isnan(v)]
    ordered = []
    for v in clean:
        insort(ordered, v)
    mean, dev = st.fmean(clean), st.stdev(clean)
    outliers = [v for v in clean if abs(v - mean) > 1.5 * dev]
    slope, intercept = st.linear_regression(range(len(clean)), clean)
    if outliers:
        await steps.alert(metric, max(outliers))
    try:
        st.mean([])
    except st.StatisticsError as exc:
        empty = type(exc).__name__
    return {
        "n": len(values), "mean": round(mean, 6), "median": st.median(ordered), "quartiles": st.quantiles(ordered, n=4),
        "mode": st.multimode([1, 1, 2, 2, 3]), "hist": histogram(ordered, [10, 20]), "ewma": list(ewma(clean)), "outliers": outliers,
        "line": (round(slope, 3), round(intercept, 3)), "corr": round(st.correlation(clean, clean[::-1]), 4), "empty": empty,
        "cdf": round(st.NormalDist(mean, dev).cdf(mean), 3), "geo": round(st.geometric_mean([1, 10, 100]), 6), "hyp": math.hypot(3, 4),
        "log": math.floor(math.log10(12345)), "comb": math.comb(10, 3), "gcd": math.gcd(12, 18), "close": math.isclose(0.1 + 0.2, 0.3), "isqrt": math.isqrt(17), "inf": min(math.inf, 3),
    }
