import { setImmediate as nextTurn } from 'node:timers/promises';
import { limits } from '../core/index.js';

/** Cuts a long piece of work into turns of the event loop, so that what else the process serves does not wait for the end of it. */
export class LoopTurns {
  #startMs = performance.now();

  /** To be awaited between steps: goes on at once, or in the next turn where this one has taken long enough. */
  async rest(): Promise<void> {
    if (performance.now() - this.#startMs < limits.sliceMs) return;
    await nextTurn();
    this.#startMs = performance.now();
  }
}
