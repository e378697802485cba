import { limits } from '../core/index.js';
import type { Log } from '../process/index.js';

interface Seen {
  readonly sinceMs: number;
  lines: number;
  leftOut: number;
}

/** Lines of the log that clients cause, a few a second for each reason: whoever makes many mistakes must not fill the disk. Metrics count all of them. */
export class ClientLines {
  readonly #seen = new Map<string, Seen>();

  constructor(private readonly log: Log) {}

  write(level: 'debug' | 'warn' | 'error', reason: string, fields: object, message: string): void {
    const nowMs = performance.now();
    let seen = this.#seen.get(reason);
    if (seen === undefined || nowMs - seen.sinceMs >= 1_000) {
      if (seen !== undefined && seen.leftOut > 0)
        this.log.warn({ reason, count: seen.leftOut }, 'lines of this reason were left out');
      this.#seen.set(reason, (seen = { sinceMs: nowMs, lines: 0, leftOut: 0 }));
    }
    if (seen.lines++ < limits.clientLinesPerSecond) this.log[level]({ ...fields, reason }, message);
    else seen.leftOut++;
  }
}
