/** How times are written, and what time it is at the kernel. No document in here. */

const SECOND = 1e6;
const UNITS = [
  [86400 * SECOND, "d", 3600 * SECOND, "h"],
  [3600 * SECOND, "h", 60 * SECOND, "min"],
  [60 * SECOND, "min", SECOND, "s"],
];
const STEPS_S = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  10800, 21600, 43200, 86400, 172800, 604800, 2592000,
];
const MAX_TICKS = 5;

/** Microseconds as people say them, two units at most. */
export function duration(us) {
  const span = Math.max(us, 0);
  if (span < SECOND) return `${Math.floor(span / 1000)} ms`;
  if (span < 10 * SECOND) return `${Math.floor(span / 1e5) / 10} s`;
  if (span < 60 * SECOND) return `${Math.floor(span / SECOND)} s`;
  const [unit, name, small, smallName] = UNITS.find(([size]) => span >= size);
  const rest = Math.floor((span % unit) / small);
  return `${Math.floor(span / unit)} ${name}${rest ? ` ${rest} ${smallName}` : ""}`;
}

/** A span that grows while one looks at it: whole seconds. */
export function growing(us) {
  return us < SECOND ? "0 s" : duration(Math.floor(us / SECOND) * SECOND);
}

/** How long is left: whole seconds, rounded up, so that it never says 0 too early. */
export function remaining(us) {
  return growing(Math.ceil(us / SECOND) * SECOND);
}

/** Round distances for the ticks of an axis of this length, in microseconds. */
export function tickStep(span) {
  const step = STEPS_S.find((seconds) => span / (seconds * SECOND) <= MAX_TICKS);
  return (step ?? Math.ceil(span / SECOND / MAX_TICKS)) * SECOND;
}

/**
 * The kernel's clock, as known here. A moment received at t was made at t or before; one asked for
 * at s was made at s or after: each narrows the difference between the clocks. A contradiction
 * means that a clock was set, and begins anew.
 */
export class KernelClock {
  #low = Number.NEGATIVE_INFINITY;
  #high = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  observe(kernelUs, receivedMs, askedMs = Number.NEGATIVE_INFINITY) {
    const kernelMs = kernelUs / 1000;
    const low = kernelMs - receivedMs;
    const high = kernelMs - askedMs;
    const set = kernelMs < this.#last || low > this.#high || high < this.#low;
    this.#low = set ? low : Math.max(low, this.#low);
    this.#high = set ? high : Math.min(high, this.#high);
    this.#last = kernelMs;
  }

  /** Microseconds now, by the kernel's clock; until it has answered, not before what it said. */
  now(browserMs) {
    const known = Number.isFinite(this.#high);
    const offset = known ? (this.#low + this.#high) / 2 : Math.max(this.#low, 0);
    return (browserMs + offset) * 1000;
  }
}
