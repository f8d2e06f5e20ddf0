/** What was asked of the kernel, and who waits for the answer. */

import { newId } from "./nodes.js";

export class Questions {
  #model;
  #asked = new Map();

  constructor(model) {
    this.#model = model;
  }

  /** Send a message; `done` gets the answer. */
  ask(message, done) {
    const id = message.id ?? newId();
    this.#asked.set(id, done);
    this.#model.send({ ...message, id });
  }

  /** Hand an answer to whoever has asked. */
  answer(content) {
    const done = this.#asked.get(content.id);
    this.#asked.delete(content.id);
    done?.(content);
  }
}
