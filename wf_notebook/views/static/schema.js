/** What a JSON schema asks of a form. No document in here. */

const LONG_NAME = /(note|notes|comment|comments|message|body|text|reason|details|description)$/i;

/** "order_id" as "Order id". */
export function humanise(name) {
  const words = String(name).replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A schema with its local references and one-armed unions resolved; `nullable` says what was cut off. */
export function unwrap(schema, root) {
  let found = schema ?? {};
  let nullable = false;
  for (let depth = 0; depth < 32; depth += 1) {
    const { $ref, allOf, anyOf, oneOf, ...own } = found;
    const union = anyOf ?? oneOf;
    if ($ref !== undefined) found = { ...lookup($ref, root), ...own };
    else if (allOf?.length === 1) found = { ...allOf[0], ...own };
    else if (Array.isArray(own.type) && own.type.includes("null")) {
      const types = own.type.filter((type) => type !== "null");
      nullable = true;
      found = { ...found, type: types.length === 1 ? types[0] : types };
    } else if (union?.some((arm) => arm.type === "null")) {
      const arms = union.filter((arm) => arm.type !== "null");
      nullable = true;
      found = arms.length === 1 ? { ...arms[0], ...own } : { ...own, anyOf: arms };
    } else break;
  }
  return { schema: found, nullable };
}

function lookup(ref, root) {
  if (!ref.startsWith("#/")) return {};
  let found = root;
  for (const part of ref.slice(2).split("/")) {
    found = found?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return found ?? {};
}

/** Which control a resolved schema gets; "json" is the one for everything else. */
export function kindOf(schema, name = "") {
  const union = schema.anyOf ?? schema.oneOf;
  if (schema.const !== undefined) return "const";
  if (Array.isArray(schema.enum)) return "choice";
  if (union) {
    const types = union.map((arm) => arm.type);
    const decimal = types.includes("number") && types.every((t) => t === "number" || t === "string");
    return decimal ? "decimal" : "json";
  }
  if (schema.type === "array") {
    return schema.items && typeof schema.items === "object" && !schema.prefixItems ? "list" : "json";
  }
  if (schema.type === "object") return schema.properties ? "record" : "json";
  if (schema.type === "string") return textKind(schema, name);
  return ["boolean", "integer", "number"].includes(schema.type) ? schema.type : "json";
}

function textKind(schema, name) {
  if (["date", "date-time", "time", "password"].includes(schema.format)) return schema.format;
  const long = schema.maxLength > 120 || String(schema.default ?? "").length > 60;
  return long || (schema.maxLength === undefined && LONG_NAME.test(name)) ? "long" : "text";
}

/** What a person should know about the bounds of a value, or "". */
export function boundsOf(schema) {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const above = schema.minimum === undefined ? "more than" : "at least";
  const below = schema.maximum === undefined ? "less than" : "at most";
  const parts = [];
  if (schema.minimum !== undefined && schema.maximum !== undefined) parts.push(`${low} to ${high}`);
  else {
    if (low !== undefined) parts.push(`${above} ${low}`);
    if (high !== undefined) parts.push(`${below} ${high}`);
  }
  if (schema.minLength > 1) parts.push(`at least ${schema.minLength} characters`);
  if (schema.maxLength !== undefined) parts.push(`at most ${schema.maxLength} characters`);
  if (schema.minItems) parts.push(`at least ${schema.minItems}`);
  if (schema.maxItems !== undefined) parts.push(`at most ${schema.maxItems}`);
  return parts.join(", ");
}

/** The value of a datetime-local control as ISO 8601 with this browser's offset. */
export function withOffset(local) {
  const minutes = -new Date(local).getTimezoneOffset();
  const two = (n) => String(n).padStart(2, "0");
  const sign = minutes < 0 ? "-" : "+";
  const size = Math.abs(minutes);
  const seconds = local.length === 16 ? ":00" : "";
  return `${local}${seconds}${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** An ISO 8601 time as the value of a datetime-local control, or "". */
export function toLocal(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}
