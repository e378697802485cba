import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const source = `
const { monitorEventLoopDelay } = require('node:perf_hooks');
const { parentPort } = require('node:worker_threads');
const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();
parentPort.on('message', () => {
  parentPort.postMessage(delays.max / 1e6 - 5);
  delays.reset();
});
`;

/** A thread that has nothing to do. Its delay shows how long the machine makes a thread wait. */
export class IdleThread {
  readonly #worker = new Worker(source, { eval: true });

  /** The longest delay since the last question. */
  async longestMs(): Promise<number> {
    this.#worker.postMessage('how long');
    const [ms] = (await once(this.#worker, 'message')) as [number];
    return Math.max(0, ms);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
