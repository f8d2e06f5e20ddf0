/** Which lines a timeline has, which of them are drawn, and what is asked for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outline, roomBefore, stepOf, windowOf } from "../../../wf_notebook/views/static/outline.js";

function outline() {
  const found = new Outline();
  found.take([{ id: "a" }, { id: "g" }, { id: "z" }]);
  return found;
}

function filled(total) {
  const found = outline();
  found.toggle("g");
  const [asked] = found.wanted(0, 3);
  const rows = Array.from({ length: Math.min(total, 50) }, (_, n) => ({ id: `m${n}` }));
  found.fill(asked, { rows, total });
  return found;
}

test("rows are lines, and members of an open group stand after it", () => {
  const found = filled(120);
  assert.equal(found.length, 123);
  assert.deepEqual([0, 1, 2, 51, 122].map((n) => found.at(n).row?.id), ["a", "g", "m0", "m49", "z"]);
  assert.equal(found.at(52).row, null);
  assert.equal(found.at(123), undefined);
});

test("a line is found again by its id, wherever it stands", () => {
  const found = filled(120);
  for (let n = 0; n < found.length; n += 1) assert.equal(found.find(found.at(n).id), n);
  assert.equal(found.find("g#120"), -1);
  assert.equal(found.find("gone"), -1);
});

test("members are asked for by parts, each once, and only those that are seen", () => {
  const found = filled(120);
  assert.deepEqual(found.wanted(0, 40), []);
  assert.deepEqual(found.wanted(60, 80), [{ group: "g", from: 50, to: 100 }]);
  assert.deepEqual(found.wanted(60, 80), []);
  assert.deepEqual(found.wanted(122, 123), []);
});

test("a group that has changed is asked for anew, after what is still to come", () => {
  const found = filled(120);
  const [late] = found.wanted(60, 80);
  found.take([{ id: "a" }, { id: "g", done: 1 }, { id: "z" }]);
  assert.deepEqual(found.wanted(0, 80), [{ group: "g", from: 0, to: 50 }]);
  found.fill(late, { rows: [], total: 120 });
  assert.deepEqual(found.wanted(60, 80), [late]);
});

test("a group that is gone or closed has no lines", () => {
  const found = filled(120);
  found.take([{ id: "a" }]);
  assert.equal(found.length, 1);
  const closed = filled(120);
  closed.toggle("g");
  assert.equal(closed.length, 3);
  closed.fill({ group: "g", from: 50 }, { rows: [{ id: "late" }], total: 120 });
  assert.equal(closed.length, 3);
});

test("few lines are drawn whole, of many those that are seen", () => {
  const list = { height: 20, top: 0, room: 200 };
  assert.deepEqual(windowOf(60, list), { first: 0, end: 60, before: 0, whole: 0 });
  assert.deepEqual(windowOf(1000, list), { first: 0, end: 19, before: 0, whole: 20000 });
  const middle = windowOf(1000, { ...list, top: 10000 });
  assert.deepEqual(middle, { first: 492, end: 519, before: 9840, whole: 20000 });
  assert.equal(windowOf(1000, { ...list, top: 1e9 }).end, 1000);
});

test("a detail that stands open moves what is below it", () => {
  const detail = { position: 10, height: 100 };
  assert.deepEqual([10, 11].map((n) => roomBefore(n, 20, detail)), [200, 320]);
  const list = { height: 20, room: 100, detail };
  assert.equal(windowOf(1000, { ...list, top: 250 }).first, 2);
  assert.equal(windowOf(1000, { ...list, top: 700 }).first, 22);
  assert.equal(windowOf(1000, { ...list, top: 0 }).whole, 20100);
});

test("keys lead from line to line, and not beyond them", () => {
  assert.equal(stepOf("ArrowDown", 4, 100, 10), 5);
  assert.equal(stepOf("PageUp", 4, 100, 10), 0);
  assert.equal(stepOf("End", 4, 100, 10), 99);
  assert.equal(stepOf("ArrowDown", 99, 100, 10), 99);
  assert.equal(stepOf("x", 4, 100, 10), -1);
});
