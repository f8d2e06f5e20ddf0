/** The log of a run, a page at a time: filtered by type and by what it is about, opened on demand. */

import { copyButton } from "./copy.js";
import { button, make, newId, newNodeId, place, setBusy, setText } from "./nodes.js";
import { Panel } from "./panel.js";
import { duration } from "./times.js";

const EVENTS = 50; // on a page

/** Where the pager leads from a page that begins after so many, by the name of its button. */
export function turnsOf(after, total) {
  const last = Math.max(Math.ceil(total / EVENTS) - 1, 0) * EVENTS;
  return { First: 0, Previous: Math.max(after - EVENTS, 0), Next: Math.min(after + EVENTS, last), Last: last };
}

/** What stands on a page, as people say it. */
export function spanOf(after, count, total) {
  return count ? `${after + 1}–${after + count} of ${total}` : "no such event";
}

export class Events {
  #app;
  #after = 0;
  #type = "";
  #entity = "";
  #page = null; // the last answer, while it is shown
  #seen = 0; // events of the run when it was asked for
  #asking = false;
  #items = new Map(); // seq to EventItem

  constructor(app) {
    this.#app = app;
    this.panel = new Panel(app, {
      name: "Events",
      label: "Events of the run",
      className: "wfn-events",
      request: () => this.#request(),
      show: (answer) => {
        this.#shown(answer);
        return this.nodes;
      },
      closed: () => this.#forget(),
    });
    this.#build();
  }

  #build() {
    const [typeLabel, type] = this.#select("Type", (value) => {
      this.#type = value;
    });
    const [entityLabel, entity] = this.#select("About", (value) => {
      this.#entity = value;
    });
    Object.assign(this, { type, entity });
    this.count = make("span", "wfn-events-count");
    this.turns = ["First", "Previous", "Next", "Last"].map((name) => {
      const turn = button(name, "wfn-quiet", () => this.#turn(turnsOf(this.#after, this.#page.total)[name]));
      turn.setAttribute("aria-label", `${name} page of events`);
      turn.dataset.turn = name;
      return turn;
    });
    const [first, previous, next, last] = this.turns;
    const tools = make("div", "wfn-events-tools");
    const pager = make("span", "wfn-events-pager");
    pager.append(first, previous, this.count, next, last);
    tools.append(typeLabel, type, entityLabel, entity, pager);
    this.list = make("ol", "wfn-events-list");
    this.nodes = [tools, this.list];
  }

  #select(text, chosen) {
    const select = make("select");
    select.id = newNodeId("filter");
    select.addEventListener("change", () => {
      chosen(select.value);
      this.#turn(0);
    });
    const label = make("label", "", text);
    label.htmlFor = select.id;
    return [label, select];
  }

  #request() {
    this.#seen = this.#app.view().events;
    const types = this.#type ? [this.#type] : null;
    return { op: "events", after: this.#after, limit: EVENTS, types, entity: this.#entity || null };
  }

  #turn(after) {
    this.#after = after;
    this.#asking = true;
    this.panel.ask(this.#request(), (answer) => this.#shown(answer));
  }

  #shown(answer) {
    this.#asking = false;
    this.#page = answer;
    const ids = new Set(answer.events.map((event) => event.seq));
    for (const seq of this.#items.keys()) if (!ids.has(seq)) this.#items.delete(seq);
    for (const event of answer.events) {
      if (!this.#items.has(event.seq)) this.#items.set(event.seq, new EventItem(this.#app, this, event));
    }
    this.#app.draw();
  }

  /** Show only what is about one step, sleep or hook. */
  about(entity) {
    this.#entity = entity;
    this.#options(this.#app.view());
    this.entity.focus();
    this.#turn(0);
  }

  #forget() {
    this.#page = null;
    this.#asking = false;
    this.#items.clear();
    this.list.replaceChildren();
    this.#app.leave();
  }

  /** `live` is the run as it is, `past` where the replay bar stands. */
  draw(live, past) {
    if (!this.#page) return;
    const { events, total, more } = this.#page;
    const labels = this.#options(live);
    for (const event of events) this.#items.get(event.seq).draw(labels, live, past);
    place(this.list, events.map((event) => this.#items.get(event.seq).node));
    setText(this.count, spanOf(this.#after, events.length, total));
    const turns = turnsOf(this.#after, total);
    for (const turn of this.turns) setBusy(turn, turns[turn.dataset.turn] === this.#after);
    if (!more && !this.#asking && live.events !== this.#seen) this.#turn(this.#after);
  }

  /** Offer what the run has; returns the labels of its rows by id. */
  #options(view) {
    const rows = view.rows.filter((row) => row.kind !== "group");
    const labels = new Map(rows.map((row) => [row.id, row.label]));
    const lines = rows.map((row) => [row.id, row.line === null ? row.label : `${row.label}, line ${row.line}`]);
    if (this.#entity && !labels.has(this.#entity)) lines.push([this.#entity, this.#entity]);
    offer(this.entity, [["", "everything"], ...lines], this.#entity);
    const types = Object.entries(this.#page?.types ?? {}).map(([type, count]) => [type, `${type} (${count})`]);
    offer(this.type, [["", "all"], ...types], this.#type);
    return labels;
  }
}

/** Make these the options of a select, without touching one that is right. */
function offer(select, options, value) {
  while (select.options.length > options.length) select.lastElementChild.remove();
  options.forEach(([key, text], index) => {
    const option = select.options[index] ?? select.appendChild(new Option("", key));
    if (option.value !== key) option.value = key;
    setText(option, text);
  });
  if (select.value !== value) select.value = value;
}

/** One event: what is plain, and what it holds, which is asked for when it is opened. */
class EventItem {
  #app;
  #event;
  #id = "";

  constructor(app, events, event) {
    this.#app = app;
    this.#event = event;
    this.node = make("li", "wfn-event");
    this.node.dataset.inert = String(event.inert);
    const line = make("div", "wfn-event-line");
    this.time = make("span", "wfn-event-time");
    this.time.title = new Date(event.time_us / 1000).toISOString();
    this.about = button("", "wfn-quiet wfn-event-about", () => events.about(event.entity));
    this.about.hidden = event.entity === null;
    line.append(make("span", "wfn-event-seq", `#${event.seq}`), this.time);
    line.append(make("code", "", event.type), this.about, ...this.#inert(), this.#tools());
    this.held = make("div", "wfn-event-held");
    this.held.id = newNodeId("event");
    this.held.hidden = true;
    this.shows.setAttribute("aria-controls", this.held.id);
    this.node.append(line, this.held);
  }

  #inert() {
    if (!this.#event.inert) return [];
    const mark = make("span", "wfn-event-inert", "○ changed nothing");
    mark.title = "It says what was known already, or came too late.";
    return [mark];
  }

  #tools() {
    const { seq } = this.#event;
    this.shows = button("JSON", "wfn-quiet", () => this.#toggle(this.held.hidden));
    this.shows.setAttribute("aria-label", `JSON of event ${seq}`);
    this.shows.setAttribute("aria-expanded", "false");
    const then = button("Then", "wfn-quiet", () => this.#app.header.past.go(seq));
    then.title = "Show the run as it stood after this event";
    then.setAttribute("aria-label", `Then: the run after event ${seq}`);
    const tools = make("span", "wfn-event-tools");
    tools.append(this.shows, then);
    return tools;
  }

  /** What was opened is asked for each time, and forgotten when it is closed. */
  #toggle(open) {
    this.held.hidden = !open;
    this.shows.setAttribute("aria-expanded", String(open));
    const id = newId();
    this.#id = open ? id : "";
    this.held.replaceChildren(...(open ? [make("p", "wfn-note", "Opening…")] : []));
    if (!open) return;
    this.#app.ask({ op: "event", seq: this.#event.seq, id }, (answer) => {
      if (id !== this.#id) return;
      const refused = answer.op === "refused";
      const nodes = refused ? [make("p", "wfn-error", answer.message)] : this.#held(answer.text);
      this.held.replaceChildren(...nodes);
    });
  }

  #held(text) {
    const { seq, meta } = this.#event;
    const parts = [["facts", JSON.stringify(meta, null, 2)], ["values", text]].filter(([, held]) => held);
    const node = make("div", "wfn-event-parts");
    for (const [title, held] of parts) node.append(make("p", "wfn-note", title), make("pre", "", held));
    const all = parts.map(([, held]) => held).join("\n");
    return [copyButton(this.#app, node, `JSON of event ${seq}`, () => all), node];
  }

  draw(labels, live, past) {
    setText(this.about, labels.get(this.#event.entity) ?? this.#event.entity ?? "");
    this.about.title = "Only what is about this";
    setText(this.time, `+${duration(this.#event.time_us - live.created_us)}`);
    if (past?.seq === this.#event.seq) this.node.setAttribute("aria-current", "true");
    else this.node.removeAttribute("aria-current");
  }
}
