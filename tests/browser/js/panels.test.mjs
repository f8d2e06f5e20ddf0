/** Which lines are marked, which pages there are, how long the replay bar waits. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { marksOf } from "../../../wf_notebook/views/static/code.js";
import { spanOf, turnsOf } from "../../../wf_notebook/views/static/events.js";
import { pauseOf } from "../../../wf_notebook/views/static/replay.js";

const S = 1e6;
const REVEALED = { waiting: [8], reached: [3, 8] };

function lines(rows, past = null, ended_us = null) {
  const view = { rows: rows.map((row) => ({ kind: "step", end_us: null, line: null, ...row })), ended_us };
  const { waiting, reached } = marksOf(view, REVEALED, past);
  return [[...waiting].sort(), [...reached].sort()];
}

test("a line waits while a row of it is open, and stays reached", () => {
  assert.deepEqual(lines([{ line: 4 }, { line: 5, end_us: 1 }]), [[4], [3, 4, 5, 8]]);
  assert.deepEqual(lines([{ line: 4 }], null, 9), [[], [3, 4, 8]]);
});

test("an open group on several lines waits where it did when the source was revealed", () => {
  assert.deepEqual(lines([{ kind: "group" }]), [[8], [3, 8]]);
  assert.deepEqual(lines([{ kind: "group", end_us: 1 }]), [[], [3, 8]]);
  assert.deepEqual(lines([{}]), [[], [3, 8]]);
});

test("of the past the kernel says it", () => {
  assert.deepEqual(lines([{ line: 4 }], { waiting: [2], reached: [1, 2] }), [[2], [1, 2]]);
});

test("pages lead through the log and not beyond it", () => {
  assert.deepEqual(turnsOf(50, 170), { First: 0, Previous: 0, Next: 100, Last: 150 });
  assert.deepEqual(turnsOf(150, 170), { First: 0, Previous: 100, Next: 150, Last: 150 });
  assert.deepEqual(turnsOf(0, 50), { First: 0, Previous: 0, Next: 0, Last: 0 });
  assert.deepEqual(turnsOf(0, 0), { First: 0, Previous: 0, Next: 0, Last: 0 });
});

test("a page says what stands on it", () => {
  assert.equal(spanOf(50, 20, 70), "51–70 of 70");
  assert.equal(spanOf(0, 0, 0), "no such event");
});

test("a gap is scaled by the speed, and shortened where it is long", () => {
  assert.deepEqual(pauseOf(S, 1), { ms: 1000, cut: false });
  assert.deepEqual(pauseOf(S, 100), { ms: 10, cut: false });
  assert.deepEqual(pauseOf(2 * S, 1), { ms: 2000, cut: false });
  assert.deepEqual(pauseOf(900 * S, 100), { ms: 2000, cut: true });
  assert.deepEqual(pauseOf(-5, 1), { ms: 0, cut: false });
});
