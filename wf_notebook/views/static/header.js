/** The head of a view: name, state and facts of the run, and what can be done with all of it. */

import { Code } from "./code.js";
import { copyButton } from "./copy.js";
import { Events } from "./events.js";
import { button, focusable, make, setBusy, setText, shortened } from "./nodes.js";
import { Replay } from "./replay.js";
import { duration, growing } from "./times.js";

/** Cancel, and the question whether one means it. */
class Cancel {
  constructor(app) {
    this.app = app;
    this.button = button("Cancel", "", () => this.#question(true));
    this.keep = button("Keep it running", "", () => this.#question(false));
    this.sure = button("Cancel the run", "wfn-danger", () => this.#send());
    this.node = make("div", "wfn-confirm");
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "Cancel this run?");
    this.node.hidden = true;
    const text = make("span", "", "Cancel this run? Steps in flight are told to stop; what is done stays done.");
    this.node.append(text, this.sure, this.keep);
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#question(false);
    });
  }

  #question(open) {
    this.node.hidden = !open;
    (open ? this.keep : this.button).focus();
  }

  #send() {
    setBusy(this.button, true);
    this.#question(false);
    this.app.ask({ op: "cancel" }, (answer) => {
      if (answer.op !== "refused") return;
      setBusy(this.button, false);
      this.app.say(answer.message);
    });
  }

  draw(view) {
    if (view.ended_us === null || this.button.hidden) return;
    const active = this.button.getRootNode().activeElement;
    if (active === this.button || this.node.contains(active)) this.app.home();
    this.button.hidden = true;
    this.node.hidden = true;
  }
}

/** Another run by its id, to be opened below. */
class Link {
  constructor(app, word, what) {
    this.node = button("", "wfn-quiet wfn-link", () => {
      setBusy(this.node, true);
      app.embeds.open({ op: "open", run_id: this.run }, () => setBusy(this.node, false));
    });
    this.word = word;
    this.what = what;
  }

  draw(run) {
    this.run = run;
    this.node.hidden = !run;
    this.node.title = run;
    setText(this.node, `${this.word} ${shortened(run)}`);
    this.node.setAttribute("aria-label", `${this.word} ${shortened(run)}: open ${this.what}`);
  }
}

function eventsOf(count) {
  return count === 1 ? "1 event" : `${count} events`;
}

export class Header {
  constructor(app) {
    this.node = make("header", "wfn-head");
    this.title = make("h3", "wfn-title");
    focusable(this.title, -1);
    this.glyph = make("span", "wfn-glyph");
    this.glyph.setAttribute("aria-hidden", "true");
    this.word = make("span");
    this.pill = make("span", "wfn-pill");
    this.pill.append(this.glyph, this.word);
    this.elapsed = make("span", "wfn-elapsed");
    this.code = new Code(app);
    this.events = new Events(app);
    this.past = new Replay(app);
    this.cancel = new Cancel(app);
    const tools = make("span", "wfn-tools");
    this.rerun = button("Rerun", "", () => this.#again(app));
    this.rerun.hidden = true;
    this.acts = make("span", "wfn-acts");
    this.acts.append(this.cancel.button, this.rerun);
    const panels = [this.code, this.events, this.past].map(({ panel }) => panel.button);
    tools.append(...panels, this.acts);
    const first = make("div", "wfn-first");
    first.append(this.title, this.pill, this.elapsed, tools);
    this.node.append(first, this.#second(app));
  }

  #second(app) {
    this.id = make("code", "wfn-id");
    this.workflow = make("code", "wfn-id");
    this.isolation = make("span", "wfn-badge");
    this.sealed = make("span", "wfn-badge", "sealed");
    this.sealed.title = "What this run holds is encrypted in its world, and the key is here.";
    this.facts = make("span");
    this.parent = new Link(app, "Started by", "the run that has started this one");
    this.repeats = new Link(app, "Rerun of", "the run that this one repeats");
    this.bar = make("progress", "wfn-progress");
    this.bar.setAttribute("aria-label", "Replay");
    this.replay = make("span", "wfn-replay");
    const second = make("div", "wfn-second");
    second.append(this.id, copyButton(app, this.id, "run id"));
    second.append(this.workflow, copyButton(app, this.workflow, "workflow id", () => this.workflow.title));
    second.append(this.isolation, this.sealed, this.facts, this.parent.node, this.repeats.node);
    second.append(this.bar, this.replay);
    return second;
  }

  #again(app) {
    setBusy(this.rerun, true);
    app.embeds.open({ op: "rerun" }, () => setBusy(this.rerun, false));
  }

  /** `view` is what is shown: the run as it is, or as it stood, where `past` says which event. */
  draw(view, past) {
    setText(this.title, view.name);
    setText(this.glyph, view.glyph);
    setText(this.word, view.status);
    setText(this.id, view.run_id);
    if (this.workflow.title !== view.workflow_id) {
      setText(this.workflow, shortened(view.workflow_id));
      this.workflow.title = view.workflow_id;
    }
    setText(this.isolation, `${view.isolation} isolation`);
    this.sealed.hidden = !view.sealed;
    this.parent.draw(view.parent);
    this.repeats.draw(view.rerun_of);
    const [done, all] = view.replayed ?? [0, 0];
    const count = past ? `event ${past.seq} of ${past.total}` : eventsOf(view.events);
    const facts = [view.origin, !view.replayed && count, ...view.notes];
    setText(this.facts, facts.filter(Boolean).join(" · "));
    this.bar.hidden = !view.replayed || done >= all;
    if (!this.bar.hidden) Object.assign(this.bar, { max: all, value: done });
    setText(this.replay, view.replayed ? `${done} of ${all} events replayed` : "");
    this.acts.hidden = past !== null;
    if (past) this.cancel.node.hidden = true;
    else {
      this.rerun.hidden = view.ended_us === null;
      this.cancel.draw(view);
    }
    this.code.draw(view, past);
  }

  tick(view, now) {
    const live = view.ended_us === null;
    const took = (live ? growing : duration)((view.ended_us ?? now) - view.created_us);
    setText(this.elapsed, live ? `${took} elapsed` : `took ${took}`);
  }
}
