/** The parts of a table of runs: its lines, the heads of its columns, its filter, its question. */

import { button, make, newNodeId, setBusy, setText, shortened } from "./nodes.js";
import { age, ago, waiting } from "./runs_rows.js";

const COLUMNS = [
  ["status", "State"],
  ["name", "Run"],
  ["waits", "Waits for"],
  ["age", "Age"],
  ["last", "Last event"],
];

/** So many runs, in words. */
export function runs(count) {
  return count === 1 ? "1 run" : `${count} runs`;
}

/** One run's line: kept by the run's id, so that focus and choice survive a snapshot. */
export class Line {
  constructor(app, id) {
    this.node = make("tr", "wfn-run");
    this.node.setAttribute("role", "row");
    this.box = make("input");
    this.box.type = "checkbox";
    this.box.addEventListener("change", () => app.choose(id, this.box.checked));
    this.glyph = make("span", "wfn-glyph");
    this.glyph.setAttribute("aria-hidden", "true");
    this.word = make("span");
    this.pill = make("span", "wfn-pill");
    this.pill.append(this.glyph, this.word);
    this.open = button("", "wfn-run-name", () => {
      app.say("");
      setBusy(this.open, true);
      app.embeds.open({ op: "open", run_id: id }, () => setBusy(this.open, false));
    });
    this.name = make("strong");
    this.id = make("code", "wfn-id", shortened(id));
    this.id.title = id;
    this.labels = make("span", "wfn-run-labels");
    this.waits = make("span");
    this.age = make("span");
    this.last = make("span");
    this.node.append(
      cell("cell", "choose", this.box),
      cell("cell", "state", this.pill),
      cell("rowheader", "name", this.open, this.name, this.id, this.labels),
      cell("cell", "waits", this.waits),
      cell("cell", "age", this.age),
      cell("cell", "last", this.last),
    );
  }

  draw(row, chosen) {
    this.row = row;
    this.node.dataset.status = row.status;
    setText(this.glyph, row.glyph);
    setText(this.word, row.status);
    setText(this.open, row.name);
    this.open.setAttribute("aria-label", `Open ${row.name}, ${shortened(row.run_id)}`);
    setText(this.name, row.name);
    this.name.hidden = row.status !== "forgotten";
    this.open.hidden = !this.name.hidden; // nothing is left of it to be shown
    setText(this.labels, row.labels);
    this.box.setAttribute("aria-label", `Select ${row.name}, ${shortened(row.run_id)}`);
    this.box.checked = chosen;
    const ended = row.ended_us !== null;
    if (ended && this.box === this.box.getRootNode().activeElement) this.open.focus();
    this.box.hidden = ended;
  }

  tick(now) {
    setText(this.waits, waiting(this.row, now));
    setText(this.age, age(this.row, now));
    setText(this.last, ago(this.row.last_us, now));
  }
}

/** A part of a line; `role` says what it is where the lines are not laid out as a table. */
function cell(role, name, ...children) {
  const node = make(role === "rowheader" ? "th" : "td", `wfn-run-${name}-cell`);
  if (role === "rowheader") node.scope = "row";
  node.setAttribute("role", role);
  node.append(...children);
  return node;
}

/** Cancelling what is chosen, and the question whether one means it. */
export class CancelChosen {
  constructor(app) {
    this.app = app;
    this.button = button("", "", () => this.#question(true));
    this.sure = button("", "wfn-danger", () => this.#send());
    this.keep = button("Keep them running", "", () => this.#question(false));
    this.text = make("span");
    this.node = make("div", "wfn-confirm");
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "Cancel the selected runs?");
    this.node.hidden = true;
    this.node.append(this.text, this.sure, this.keep);
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#question(false);
    });
  }

  #question(open) {
    this.node.hidden = !open;
    (open ? this.keep : this.button).focus();
  }

  #send() {
    const chosen = [...this.app.chosen];
    this.app.say("");
    this.node.hidden = true;
    this.app.home();
    setBusy(this.button, true);
    this.app.ask({ op: "cancel", runs: chosen }, (answer) => {
      setBusy(this.button, false);
      this.app.cancelled(answer);
    });
  }

  draw(chosen) {
    const count = chosen.size;
    setText(this.button, `Cancel ${runs(count)}…`);
    setText(this.sure, `Cancel ${runs(count)}`);
    const names = this.app.names(chosen);
    setText(
      this.text,
      `Cancel ${runs(count)}: ${names}? Steps in flight are told to stop; what is done stays done.`,
    );
    if (count > 0) {
      this.button.hidden = false;
      return;
    }
    const active = this.button.getRootNode().activeElement;
    if (active === this.button || this.node.contains(active)) this.app.home();
    this.button.hidden = true;
    this.node.hidden = true;
  }
}

/** The text and the state that rows are looked for by. */
export class Filter {
  constructor(app) {
    this.node = make("div", "wfn-filter");
    this.node.setAttribute("role", "search");
    this.node.setAttribute("aria-label", "Filter runs");
    this.text = make("input", "wfn-filter-text");
    this.text.type = "search";
    this.text.placeholder = "Name, id, label, what it waits for";
    this.text.addEventListener("input", () => app.filtered());
    this.status = make("select", "wfn-filter-status");
    this.status.addEventListener("change", () => app.filtered());
    this.node.append(labelled("Text", this.text), labelled("State", this.status));
  }

  get asked() {
    return { status: this.status.value, text: this.text.value.trim() };
  }

  draw({ counts, total }, first) {
    const chosen = this.status.value || first || "";
    const all = Object.entries(counts);
    if (chosen && !(chosen in counts)) all.push([chosen, 0]);
    const options = [["", total], ...all];
    if (this.status.options.length !== options.length) {
      this.status.replaceChildren(...options.map(() => make("option")));
    }
    options.forEach(([status, count], index) => {
      const option = this.status.options[index];
      option.value = status;
      setText(option, `${status || "any"} (${count})`);
    });
    this.status.value = chosen;
  }
}

function labelled(name, control) {
  const label = make("label", "", name);
  control.id = newNodeId("filter");
  label.htmlFor = control.id;
  const node = make("span", "wfn-filter-part");
  node.append(label, control);
  return node;
}

/** The heads of the columns, which set the order. */
export class Heads {
  constructor(app) {
    this.order = { by: "age", down: false };
    this.all = make("input");
    this.all.type = "checkbox";
    this.all.setAttribute("aria-label", "Select all that are shown and have not ended");
    this.all.addEventListener("change", () => app.chooseAll(this.all.checked));
    const row = make("tr");
    row.setAttribute("role", "row");
    row.append(head("wfn-run-choose-cell", this.all));
    this.columns = COLUMNS.map(([by, name]) => {
      const mark = make("span", "wfn-sort");
      mark.setAttribute("aria-hidden", "true");
      const sort = button(name, "wfn-quiet", () => this.#sort(app, by));
      sort.append(mark);
      const node = head("", sort);
      row.append(node);
      return { by, node, mark };
    });
    this.node = make("thead");
    this.node.setAttribute("role", "rowgroup");
    this.node.append(row);
    this.draw();
  }

  #sort(app, by) {
    this.order = { by, down: this.order.by === by && !this.order.down };
    this.draw();
    app.filtered();
  }

  draw() {
    for (const { by, node, mark } of this.columns) {
      const sorted = by === this.order.by;
      setText(mark, sorted ? (this.order.down ? "▾" : "▴") : "");
      if (sorted) node.setAttribute("aria-sort", this.order.down ? "descending" : "ascending");
      else node.removeAttribute("aria-sort");
    }
  }
}

function head(className, child) {
  const node = make("th", className);
  node.scope = "col";
  node.setAttribute("role", "columnheader");
  node.append(child);
  return node;
}
