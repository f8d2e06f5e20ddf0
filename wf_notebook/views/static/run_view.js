/**
 * The live view of one run: hand-written ES modules for anywidget, no build step.
 *
 * The kernel writes one snapshot (`view`, and `now`: when it was taken); this side only sends
 * messages, listed in widget.py. Countdowns tick here, by the kernel's clock. Rows, forms and
 * fields are kept by id, so that focus and typing survive a snapshot. Whatever comes from a run is
 * put into the page as text, never as markup.
 */

import { Embeds } from "./embed.js";
import { Forms } from "./forms.js";
import { Header } from "./header.js";
import { make, setText } from "./nodes.js";
import { Questions } from "./questions.js";
import { Streams } from "./streams.js";
import { KernelClock } from "./times.js";
import { Timeline } from "./timeline.js";

const ANSWER_MS = 10000;

/** One view of a run: draws snapshots, asks the kernel, ticks. */
class RunView {
  #model;
  #clock = new KernelClock();
  #questions;
  #private = { titles: {}, details: {}, blocked: "", commands: {} };
  #announced = null;
  #message = "";
  #ticking = 0;
  #waiting = new Set(); // timers of what was not answered yet

  constructor(model, node) {
    this.#model = model;
    this.#questions = new Questions(model);
    this.node = node;
    this.header = new Header(this);
    this.banner = make("p", "wfn-banner");
    this.forms = new Forms(this);
    this.timeline = new Timeline(this);
    this.streams = new Streams();
    this.embeds = new Embeds(this, model.widget_manager);
    this.live = make("div", "wfn-hidden");
    this.live.setAttribute("role", "status");
    node.classList.add("wfn");
    node.setAttribute("role", "group");
    const { code, events, past, cancel } = this.header;
    node.append(this.header.node, cancel.node, past.panel.node, this.banner, code.panel.node);
    node.append(events.panel.node, this.forms.node);
    node.append(this.timeline.node, this.streams.node, this.embeds.node, this.live);
  }

  start() {
    this.snapshot = () => {
      this.#clock.observe(this.#model.get("now"), Date.now());
      this.draw();
    };
    this.message = (content) => this.#received(content);
    this.#model.on("change:view", this.snapshot);
    this.#model.on("msg:custom", this.message);
    this.snapshot();
    const asked = Date.now();
    this.#ticking = setInterval(() => this.tick(), 1000);
    this.ask({ op: "hello" }, (answer) => {
      this.#clock.observe(answer.now_us, Date.now(), asked);
      this.#received({ ...answer, op: "private" });
      for (const stream of answer.streams ?? []) this.streams.update(stream);
    });
  }

  stop() {
    this.embeds.stop();
    this.header.past.stop();
    this.forms.stop();
    this.timeline.stop();
    clearInterval(this.#ticking);
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#model.off("change:view", this.snapshot);
    this.#model.off("msg:custom", this.message);
  }

  view() {
    return this.#model.get("view");
  }

  /** What the replay bar stands at: the kernel's answer, with the run as it stood; null for now. */
  past() {
    return this.header.past.past;
  }

  /** Nobody looks at the log any more, unless a panel still does. */
  leave() {
    const { events, past } = this.header;
    if (!events.panel.open && !past.panel.open) this.#model.send({ op: "leave" });
  }

  /** Send a message; `done` gets the answer. Says so if there is none: a press must not go unheard. */
  ask(message, done) {
    const timer = setTimeout(() => this.#silent(), ANSWER_MS);
    this.#waiting.add(timer);
    this.#questions.ask(message, (answer) => {
      clearTimeout(timer);
      this.#waiting.delete(timer);
      if (this.#message) this.say("");
      done?.(answer);
    });
  }

  #received(content) {
    if (content.op === "private") {
      const { titles, details = {}, blocked, commands = {} } = content;
      this.#private = { titles, details, blocked, commands };
      this.draw();
      return;
    }
    if (content.op === "stream") {
      this.streams.update(content);
      return;
    }
    this.#questions.answer(content);
  }

  #silent() {
    if (this.view().ended_us === null) {
      this.say("No answer from the kernel yet: it is busy, gone, or was restarted. Run its cell again to see it live.");
    }
  }

  /** Say something in the view's message line. */
  say(text) {
    this.#message = text;
    if (text) this.announce(text);
    this.draw();
  }

  /** Say something to those who don't see it. */
  announce(text) {
    setText(this.live, text);
  }

  /** Where the focus goes when what held it goes. */
  home() {
    this.header.title.focus({ preventScroll: true });
  }

  draw() {
    const live = this.view();
    const past = this.past();
    const view = past?.view ?? live;
    this.node.dataset.status = view.status;
    this.node.dataset.past = String(past !== null);
    this.node.setAttribute("aria-label", `Run of ${view.name}`);
    this.header.past.draw(live);
    this.header.draw(view, past);
    this.header.events.draw(live, past);
    this.#banner(view);
    this.forms.draw(live, this.#private);
    if (past) this.forms.node.hidden = true; // what was typed stays, and nothing acts on the past
    this.timeline.draw(view, past?.seq ?? null);
    this.#announce(live);
    this.tick();
  }

  #banner(view) {
    const blocked = view.blocked && `Blocked: ${this.#private.blocked || view.blocked}`;
    const where = view.origin ? ` of ${view.origin}` : "";
    const error = view.error && `${view.error}${view.error.includes(" at line ") ? where : ""}`;
    setText(this.banner, this.#message || blocked || error);
    this.banner.hidden = !this.banner.textContent;
  }

  #announce(view) {
    const names = view.forms.map((form) => this.#private.titles[form.id] ?? form.token);
    const waits = names.length ? ` Waiting for you: ${names.slice(0, 3).join(", ")}.` : "";
    const said = `${view.name} is ${view.status}.${waits}`;
    if (this.#announced !== null && said !== this.#announced) this.announce(said);
    this.#announced = said;
  }

  tick() {
    const past = this.past();
    const view = past?.view ?? this.view();
    const now = this.#clock.now(Date.now());
    const then = past?.now_us ?? now;
    this.header.tick(view, then);
    this.forms.tick(now);
    this.timeline.tick(view, then);
  }
}

export default {
  render({ model, el }) {
    const view = new RunView(model, el);
    view.start();
    return () => view.stop();
  },
};
