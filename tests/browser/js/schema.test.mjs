/** What a JSON schema asks of a form. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  boundsOf,
  humanise,
  kindOf,
  toLocal,
  unwrap,
  withOffset,
} from "../../../wf_notebook/views/static/schema.js";

test("names are written as people write them", () => {
  assert.deepEqual(["order_id", "Pay", "", 3].map(humanise), ["Order id", "Pay", "", "3"]);
});

test("references, single arms and null are unwrapped", () => {
  const root = { $defs: { "a/b": { type: "string", title: "A" }, up: { $ref: "#/$defs/a~1b" } } };
  const found = unwrap({ anyOf: [{ $ref: "#/$defs/up" }, { type: "null" }], title: "Mine" }, root);
  assert.deepEqual(found, { schema: { type: "string", title: "Mine" }, nullable: true });
  assert.deepEqual(unwrap({ allOf: [{ type: "integer" }] }, root).schema, { type: "integer" });
  assert.deepEqual(unwrap({ type: ["integer", "null"] }, root), { schema: { type: "integer" }, nullable: true });
});

test("a schema that refers to itself, or to nothing, comes to an end", () => {
  const root = { $defs: { loop: { $ref: "#/$defs/loop" } } };
  assert.equal(kindOf(unwrap({ $ref: "#/$defs/loop" }, root).schema), "json");
  assert.deepEqual(unwrap({ $ref: "#/$defs/none" }, root), { schema: {}, nullable: false });
  assert.deepEqual(unwrap({ $ref: "https://example.org/x" }, root).schema, {});
  assert.deepEqual(unwrap(undefined, root), { schema: {}, nullable: false });
});

test("each schema has one control, and JSON is the one for everything else", () => {
  const kinds = [
    [{ const: 1 }, "const"], [{ enum: ["a"] }, "choice"], [{ type: "boolean" }, "boolean"],
    [{ type: "integer" }, "integer"], [{ type: "number" }, "number"], [{ type: "string" }, "text"],
    [{ type: "string", format: "date" }, "date"], [{ type: "string", format: "date-time" }, "date-time"],
    [{ type: "string", format: "password" }, "password"], [{ type: "string", maxLength: 500 }, "long"],
    [{ type: "string", default: "x".repeat(61) }, "long"],
    [{ anyOf: [{ type: "number" }, { type: "string" }] }, "decimal"],
    [{ anyOf: [{ type: "object" }, { type: "string" }] }, "json"],
    [{ type: "array", items: { type: "string" } }, "list"], [{ type: "array" }, "json"],
    [{ type: "array", items: {}, prefixItems: [] }, "json"],
    [{ type: "object", properties: {} }, "record"], [{ type: "object" }, "json"], [{}, "json"],
  ];
  for (const [schema, kind] of kinds) assert.equal(kindOf(schema), kind, JSON.stringify(schema));
  assert.equal(kindOf({ type: "string" }, "note"), "long");
});

test("bounds are told in words", () => {
  const told = [
    [{ minimum: 0, maximum: 9 }, "0 to 9"], [{ minimum: 1 }, "at least 1"], [{ maximum: 5 }, "at most 5"],
    [{ exclusiveMinimum: 0 }, "more than 0"], [{ exclusiveMaximum: 9 }, "less than 9"],
    [{ minLength: 2, maxLength: 4 }, "at least 2 characters, at most 4 characters"],
    [{ minItems: 1, maxItems: 3 }, "at least 1, at most 3"], [{ minLength: 1 }, ""], [{}, ""],
  ];
  for (const [schema, words] of told) assert.equal(boundsOf(schema), words);
});

test("a local time goes out with its offset and comes back as it was", () => {
  for (const local of ["2026-01-01T12:00", "2026-07-01T00:00:30"]) {
    const sent = withOffset(local);
    assert.match(sent, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
    assert.equal(new Date(sent).getTime(), new Date(local).getTime());
    assert.equal(toLocal(sent), local.padEnd(19, ":00"));
  }
  assert.equal(toLocal("never"), "");
});
