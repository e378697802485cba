import type { ServerResponse } from 'node:http';
import { BackgroundLoop, RoostError } from '../core/index.js';
import type { Log } from '../process/index.js';
import { changedParts, type ClusterState } from './state.js';

/** Part of `limits.adminConnections`: most connections are left to machines. */
const maxViewers = 32;
const everyMs = 1_500;
/** A viewer that accepts no data for this long is disconnected. */
const stuckMs = 30_000;

interface Viewer {
  readonly response: ServerResponse;
  /** When its connection stopped accepting data; undefined while it accepts. */
  stuckSinceMs: number | undefined;
  /** Whether it has missed changes, and gets a whole state next. */
  behind: boolean;
}

/**
 * Open pages that follow the cluster by server-sent events. Each change is computed once for all pages. Nothing is
 * gathered while no page is open.
 */
export class Viewers {
  readonly #viewers = new Set<Viewer>();
  #loop: BackgroundLoop | undefined;
  #sent: ClusterState | undefined;

  constructor(
    private readonly state: () => Promise<ClusterState>,
    private readonly log: Log,
  ) {}

  get count(): number {
    return this.#viewers.size;
  }

  /** Throws `Overloaded` if there are too many viewers. */
  requireRoom(): void {
    if (this.#viewers.size >= maxViewers)
      throw new RoostError(
        'Overloaded',
        `${maxViewers} pages follow this server already: close one, or open another server's`,
        {
          retryAfterMs: 10_000,
        },
      );
  }

  /** Sends every later change to a response whose head is written. Calls `onEnd` when the response has closed. */
  add(response: ServerResponse, onEnd: () => void): void {
    const viewer: Viewer = { response, stuckSinceMs: undefined, behind: true };
    this.#viewers.add(viewer);
    response.on('drain', () => (viewer.stuckSinceMs = undefined));
    response.once('close', () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#rest();
      onEnd();
    });
    this.#loop ??= this.#start();
  }

  close(): void {
    this.#rest();
    for (const { response } of this.#viewers) response.destroy();
  }

  #start(): BackgroundLoop {
    const loop = new BackgroundLoop(() => this.#step(), {
      everyMs,
      onError: (error, repeated) => {
        if (!repeated) this.log.warn({ err: error }, 'the open pages of the dashboard could not be updated');
      },
    });
    loop.start();
    return loop;
  }

  #rest(): void {
    void this.#loop?.stop();
    this.#loop = undefined;
    this.#sent = undefined;
  }

  async #step(): Promise<void> {
    const state = await this.state();
    const change = this.#sent === undefined ? undefined : event('change', changedParts(this.#sent, state));
    this.#sent = state;
    let whole: string | undefined;
    const nowMs = performance.now();
    for (const viewer of this.#viewers) {
      const { response, stuckSinceMs } = viewer;
      if (stuckSinceMs !== undefined) {
        viewer.behind = true;
        if (nowMs - stuckSinceMs > stuckMs) response.destroy();
        continue;
      }
      const text = viewer.behind || change === undefined ? (whole ??= event('state', state)) : change;
      viewer.behind = false;
      if (!response.write(text)) viewer.stuckSinceMs = nowMs;
    }
  }
}

const event = (name: string, value: unknown): string => `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
