/** The replay bar: the run as it stood after any of its events, gone through by hand or played. */

import { button, make, newNodeId, setText } from "./nodes.js";
import { Panel } from "./panel.js";
import { duration } from "./times.js";

const SPEEDS = [1, 2, 5, 10, 20, 50, 100];
const LONGEST_MS = 2000; // a longer gap between two events is shortened to this

/** How long to wait before the next event is shown, as {ms, cut}: `cut` if that was shortened. */
export function pauseOf(gapUs, speed) {
  const ms = Math.max(gapUs, 0) / 1000 / speed;
  return { ms: Math.min(ms, LONGEST_MS), cut: ms > LONGEST_MS };
}

/**
 * While the bar is open the view shows the past, `past`: the kernel's answer to "at". Nothing that
 * is shown then can be acted on. One question is on its way at a time, however fast one drags.
 */
export class Replay {
  past = null;
  #app;
  #first = null;
  #wanted = 1;
  #asking = false;
  #playing = false;
  #next = null; // what is shown when the timer ends
  #timer = 0;

  constructor(app) {
    this.#app = app;
    this.panel = new Panel(app, {
      name: "Replay",
      label: "Replay bar",
      className: "wfn-past",
      request: () => this.#request(),
      show: (answer) => this.#open(answer),
      closed: () => this.#close(),
    });
    this.#build();
  }

  #build() {
    this.place = make("strong", "wfn-past-place");
    this.event = make("span", "wfn-past-event");
    this.back = button("Back to live", "wfn-primary", () => this.live());
    const head = make("p", "wfn-past-head");
    head.append(make("span", "wfn-past-word", "◷ The past"), this.place, this.event, this.back);
    this.note = make("p", "wfn-note");
    this.slider = make("input", "wfn-past-slider");
    Object.assign(this.slider, { type: "range", min: "1", step: "1" });
    this.slider.setAttribute("aria-label", "Event");
    this.slider.addEventListener("input", () => this.#seek(Number(this.slider.value)));
    this.play = button("▶ Play", "", () => (this.#playing ? this.#pause() : this.#start()));
    const before = button("‹", "", () => this.#seek(this.#wanted - 1));
    before.setAttribute("aria-label", "Event before");
    const after = button("›", "", () => this.#seek(this.#wanted + 1));
    after.setAttribute("aria-label", "Next event");
    const tools = make("div", "wfn-past-tools");
    tools.append(this.play, before, this.slider, after, ...this.#speeds());
    this.nodes = [head, tools, this.note];
  }

  #speeds() {
    this.speed = make("select", "wfn-past-speed");
    this.speed.id = newNodeId("speed");
    for (const speed of SPEEDS) this.speed.append(new Option(`×${speed}`, String(speed)));
    this.speed.addEventListener("change", () => this.#wait());
    const label = make("label", "", "Speed");
    label.htmlFor = this.speed.id;
    return [label, this.speed];
  }

  /** Show the run as it stood after an event. */
  go(seq) {
    if (this.past) this.#seek(seq);
    else if (!this.panel.open) {
      this.#first = seq;
      this.panel.toggle(true);
    }
  }

  /** Show the run as it is. */
  live() {
    this.panel.toggle(false);
    this.panel.button.focus();
    this.#app.announce("Back to the run as it is.");
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #request() {
    const seq = this.#first ?? this.#app.view().events;
    this.#first = null;
    return { op: "at", seq };
  }

  #open(answer) {
    this.#say("");
    this.#arrive(answer);
    this.#app.announce(`The past, event ${answer.seq} of ${answer.total}. Forms and buttons of the run are back when you are.`);
    return this.nodes;
  }

  #close() {
    this.#pause();
    this.#asking = false;
    this.past = null;
    this.#app.draw();
    this.#app.leave();
  }

  #arrive(answer) {
    this.past = answer;
    this.#wanted = answer.seq;
    this.#app.draw();
  }

  #seek(seq) {
    this.#pause();
    this.#wanted = Math.min(Math.max(seq, 1), Number(this.slider.max));
    this.slider.value = String(this.#wanted);
    if (!this.#asking) this.#ask();
  }

  #ask() {
    const seq = this.#wanted;
    if (seq === this.past.seq) return;
    this.#asking = true;
    this.panel.ask({ op: "at", seq }, (answer) => {
      this.#asking = false;
      const wanted = this.#wanted;
      this.#arrive(answer);
      if (wanted !== seq) this.#seek(wanted);
    });
  }

  #start() {
    this.#playing = true;
    setText(this.play, "❚❚ Pause");
    this.#asking = false; // the answer to what was asked before is dropped
    if (this.past.seq < this.past.total) this.#following();
    else this.panel.ask({ op: "at", seq: 1 }, (answer) => this.#played(answer));
  }

  #following() {
    this.panel.ask({ op: "at", seq: this.past.seq + 1 }, (answer) => {
      if (!this.#playing) return;
      this.#next = answer;
      this.#wait();
    });
  }

  #wait() {
    clearTimeout(this.#timer);
    if (!this.#playing || !this.#next) return;
    const answer = this.#next;
    const gap = answer.now_us - this.past.now_us;
    const { ms, cut } = pauseOf(gap, Number(this.speed.value));
    this.#say(cut ? `${duration(gap)} until the next event, shortened to ${LONGEST_MS / 1000} s.` : "");
    this.#timer = setTimeout(() => this.#played(answer), ms);
  }

  #played(answer) {
    if (!this.#playing) return;
    this.#next = null;
    this.#arrive(answer);
    if (answer.seq < answer.total) this.#following();
    else this.#pause();
  }

  #pause() {
    clearTimeout(this.#timer);
    if (this.#playing) setText(this.play, "▶ Play");
    if (this.#playing) this.#say("");
    this.#playing = false;
    this.#next = null;
  }

  #say(text) {
    setText(this.note, text || "Forms, Wake now and Cancel act on the run as it is: go back to live for them.");
  }

  /** Follow the log as it grows; `live` is the run as it is. */
  draw(live) {
    if (!this.past) return;
    const { seq, event, view } = this.past;
    const total = Math.max(this.past.total, live.events);
    const row = view.rows.find((found) => found.id === event.entity);
    const what = [event.type, row?.label ?? event.entity, event.inert && "changed nothing"];
    const since = `+${duration(event.time_us - view.created_us)}`;
    this.slider.max = String(total);
    if (!this.#asking) this.slider.value = String(seq);
    setText(this.place, `event ${seq} of ${total}`);
    setText(this.event, [...what, since].filter(Boolean).join(" · "));
    this.slider.setAttribute("aria-valuetext", `${this.place.textContent}: ${this.event.textContent}`);
  }
}
