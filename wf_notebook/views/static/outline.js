/** The lines of the timeline: a run's rows, and the members of the groups that are open. No document in here. */

/** So many lines are drawn whole; of more only those that are seen. */
export const WHOLE = 60;
const PART = 50; // members are asked for by parts of this size
const SPARE = 8; // lines that are drawn beyond either edge of what is seen

/**
 * A group's members stay with the kernel: those that are seen are asked for, and asked for anew
 * when their group has changed. A line is {id, row, group, place}; `row` is null until it has come.
 */
export class Outline {
  #rows = [];
  #open = new Map(); // group id to {total, members, said, fresh, asked}
  #length = 0;

  /** The rows of a snapshot; members of groups that it doesn't have any more are forgotten. */
  take(rows) {
    this.#rows = rows;
    const said = new Map(rows.map((row) => [row.id, JSON.stringify(row)]));
    for (const [id, group] of this.#open) {
      if (!said.has(id)) this.#open.delete(id);
      else if (said.get(id) !== group.said) {
        group.said = said.get(id);
        group.fresh = new Set();
      }
    }
    this.#count();
  }

  #count() {
    this.#length = this.#rows.length;
    for (const { total } of this.#open.values()) this.#length += total;
  }

  get length() {
    return this.#length;
  }

  isOpen(id) {
    return this.#open.has(id);
  }

  toggle(id) {
    if (!this.#open.delete(id)) {
      const said = JSON.stringify(this.#rows.find((row) => row.id === id));
      this.#open.set(id, { total: 0, members: [], said, fresh: new Set(), asked: new Set() });
    }
    this.#count();
  }

  /** The line at a position, or undefined. */
  at(position) {
    let first = 0;
    for (const row of this.#rows) {
      if (position === first) return { id: row.id, row, group: "", place: 0 };
      first += 1;
      const group = this.#open.get(row.id);
      if (group && position - first < group.total) {
        const place = position - first;
        return { id: `${row.id}#${place}`, row: group.members[place] ?? null, group: row.id, place };
      }
      first += group?.total ?? 0;
    }
    return undefined;
  }

  /** The ids of the rows on a line of the source, a group on it as one. */
  on(line) {
    return this.#rows.filter((row) => row.line === line).map((row) => row.id);
  }

  /** Where a line stands, or -1. */
  find(id) {
    let first = 0;
    for (const row of this.#rows) {
      if (row.id === id) return first;
      const total = this.#open.get(row.id)?.total ?? 0;
      if (total && id.startsWith(`${row.id}#`)) {
        const place = Number(id.slice(row.id.length + 1));
        if (place < total) return first + 1 + place;
      }
      first += 1 + total;
    }
    return -1;
  }

  /** What to ask of the kernel for these lines, as [{group, from, to}]; each is asked for once. */
  wanted(first, end) {
    const found = [];
    for (const [id, group] of this.#open) {
      const begin = this.find(id) + 1;
      // until its first part has come, nobody here knows how many there are
      const last = group.total ? Math.min(end - begin, group.total) : 1;
      const seen = Math.max(first - begin, 0);
      if (group.total && seen >= last) continue;
      for (let part = Math.floor(seen / PART); part * PART < last; part += 1) {
        if (group.fresh.has(part) || group.asked.has(part)) continue;
        group.fresh.add(part); // a change from here on makes it stale again
        group.asked.add(part);
        found.push({ group: id, from: part * PART, to: (part + 1) * PART });
      }
    }
    return found;
  }

  /** Take in the answer to what was wanted. */
  fill({ group: id, from }, { rows, total }) {
    const group = this.#open.get(id);
    if (!group) return;
    group.asked.delete(from / PART);
    group.total = total;
    group.members.length = Math.min(group.members.length, total);
    rows.forEach((row, index) => {
      group.members[from + index] = row;
    });
    this.#count();
  }
}

/** How much room the lines before a position take. All are equally high, but for `detail`, which
 * stands open below the line at its position: {position, height}, or null. */
export function roomBefore(position, height, detail) {
  return position * height + (detail && position > detail.position ? detail.height : 0);
}

/**
 * Which lines to draw: those that are seen, and some more.
 *
 * `height`: of a line; `top` and `room`: what the list shows; `detail`: as for `roomBefore`.
 * Returns {first, end, before, whole}: how much room those before take, and all of them, as well;
 * nothing where all are drawn, which take what they need.
 */
export function windowOf(length, { height, top, room, detail = null }) {
  if (length <= WHOLE) return { first: 0, end: length, before: 0, whole: 0 };
  const lineAt = (y) => {
    if (!detail || y < (detail.position + 1) * height) return Math.floor(y / height);
    return Math.max(detail.position, Math.floor((y - detail.height) / height));
  };
  const first = Math.max(Math.min(lineAt(top), length - 1) - SPARE, 0);
  const end = Math.min(lineAt(top + room) + 1 + SPARE, length);
  const before = roomBefore(first, height, detail);
  return { first, end, before, whole: roomBefore(length, height, detail) };
}

/** Where a key leads from a line, or -1 for a key that leads nowhere. */
export function stepOf(key, position, length, page) {
  const targets = {
    ArrowDown: position + 1,
    ArrowUp: position - 1,
    PageDown: position + page,
    PageUp: position - page,
    Home: 0,
    End: length - 1,
  };
  return key in targets ? Math.min(Math.max(targets[key], 0), length - 1) : -1;
}
