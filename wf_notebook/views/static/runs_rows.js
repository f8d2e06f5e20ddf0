/** Which runs a table shows, and in which order. No document in here. */

import { duration, growing, remaining } from "./times.js";

const URGENT = ["blocked", "suspended", "running", "pending", "failed", "cancelled", "completed"];

const KEYS = {
  status: (row) => urgency(row.status),
  name: (row) => row.name.toLowerCase(),
  waits: (row) => words(row).toLowerCase() || "\uffff", // what waits for nothing comes last
  age: (row) => -row.created_us,
  last: (row) => -(row.last_us ?? row.created_us),
};

function urgency(status) {
  const found = URGENT.indexOf(status);
  return found < 0 ? URGENT.length : found;
}

/** What a row waits for, without the times. */
function words(row) {
  return row.waits.filter((part) => typeof part === "string").join("");
}

/** What a row waits for, as it is read at `now`. */
export function waiting(row, now) {
  return row.waits.map((part) => (typeof part === "string" ? part : moment(part, now))).join("");
}

function moment({ us, to_come: toCome }, now) {
  return toCome ? remaining(us - now) : growing(now - us);
}

/** How long ago something was; "" where it isn't known. */
export function ago(us, now) {
  return us === null ? "" : `${growing(now - us)} ago`;
}

/** How long ago a run was started, and of one that has ended how long it took. */
export function age(row, now) {
  const took = row.ended_us === null ? "" : `, took ${duration(row.ended_us - row.created_us)}`;
  return `${growing(now - row.created_us)}${took}`;
}

/** Whether a row is one that was asked for; the kernel looks for `text` in the same words. */
export function matches(row, { status, text }) {
  if (status && row.status !== status) return false;
  const all = [row.name, row.run_id, row.status, words(row), row.labels];
  return all.join("\n").toLowerCase().includes(text.toLowerCase());
}

/** Rows in the order of a column; of two that are alike the newer one is first. */
export function ordered(rows, { by, down }) {
  const sign = down ? -1 : 1;
  const keyed = rows.map((row) => [KEYS[by](row), row]);
  keyed.sort(([a, x], [b, y]) => sign * compared(a, b) || y.created_us - x.created_us);
  return keyed.map(([, row]) => row);
}

function compared(a, b) {
  if (typeof a === "string") return a.localeCompare(b);
  return a - b;
}

/**
 * The rows of a page while somebody points at it: what is there stays where it is, though it may say
 * something else by now, and what isn't comes later. `held` are the ids that are shown, `all` has
 * every row by id. Returns {rows, later}: `later` is how many would come.
 */
export function holding(page, held, all) {
  const shown = new Set(held);
  const rows = held.map((id) => all.get(id)).filter(Boolean);
  return { rows, later: page.filter((row) => !shown.has(row.run_id)).length };
}
