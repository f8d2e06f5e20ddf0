/** How times are written, and the kernel's clock as a browser knows it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  KernelClock,
  duration,
  growing,
  remaining,
  tickStep,
} from "../../../wf_notebook/views/static/times.js";

const S = 1e6;

test("a span is never said to be longer than it is", () => {
  const spans = [-1, 0, 999_999, S, 9_999_999, 10 * S, 59_999_999, 60 * S, 3_599 * S, 90_000 * S];
  const said = ["0 ms", "0 ms", "999 ms", "1 s", "9.9 s", "10 s", "59 s", "1 min", "59 min 59 s", "1 d 1 h"];
  assert.deepEqual(spans.map(duration), said);
});

test("what grows is written in whole seconds", () => {
  assert.deepEqual([0, 999_999, 1.9 * S, 61.5 * S].map(growing), ["0 s", "0 s", "1 s", "1 min 1 s"]);
});

test("a countdown never says zero too early", () => {
  assert.deepEqual([1, 0, -9, 26 * S + 1].map(remaining), ["1 s", "0 s", "0 s", "27 s"]);
});

test("an axis of any length has at most six ticks, at round distances", () => {
  for (let span = 1000; span < 4e15; span *= 1.7) {
    const step = tickStep(span);
    assert.ok(step > 0 && span / step <= 5.0001, `${span}: ${step}`);
  }
  assert.equal(tickStep(100 * S), 30 * S);
});

test("before the kernel has answered its time is not before what it said", () => {
  const clock = new KernelClock();
  clock.observe(50_000_000, 40_000);
  assert.equal(clock.now(41_000), 51_000_000);
});

test("question and answer narrow the difference between the clocks from both sides", () => {
  const clock = new KernelClock();
  clock.observe(3_600_000_000, 1_000, 0);
  assert.equal(clock.now(1_000), 3_600_500_000);
  clock.observe(3_600_900_000, 1_100, 1_000);
  assert.ok(Math.abs(clock.now(1_100) - 3_600_900_000) <= 100_000);
});

test("a clock that was set begins anew", () => {
  const clock = new KernelClock();
  clock.observe(3_600_000_000, 1_000, 900);
  clock.observe(1_000_000, 2_000, 1_990);
  assert.ok(Math.abs(clock.now(2_000) - 1_000_000) <= 10_000);
});
