import { Session } from 'node:inspector/promises';

/** Each part of the code with its share of the time, from 0 to 1. Time in functions that it calls is not included. */
export type Shares = ReadonlyMap<string, number>;

/** Profiles this process, from `start` to `stop`. */
export class Profiler {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: 200 });
    await this.#session.post('Profiler.start');
  }

  async stop(): Promise<Shares> {
    const { profile } = await this.#session.post('Profiler.stop');
    this.#session.disconnect();
    const parts = new Map(
      profile.nodes.map(({ id, callFrame }) => [id, partOf(callFrame.url, callFrame.functionName)]),
    );
    const took = new Map<string, number>();
    let all = 0;
    for (const [i, id] of (profile.samples ?? []).entries()) {
      const micros = profile.timeDeltas?.[i] ?? 0;
      const part = parts.get(id) ?? 'other';
      took.set(part, (took.get(part) ?? 0) + micros);
      all += micros;
    }
    return new Map([...took].map(([part, micros]) => [part, micros / all] as const).sort(([, a], [, b]) => b - a));
  }
}

function partOf(url: string, name: string): string {
  if (name === '(garbage collector)') return 'garbage collection';
  if (name === '(idle)' || name === '(program)') return name.slice(1, -1);
  const [, ours] = /\/dist\/((?:\w+\/){1,2})/.exec(url) ?? [];
  if (ours !== undefined) return ours.slice(0, -1);
  const [, library] = /\/node_modules\/([^/]+)/.exec(url) ?? [];
  return (
    library ??
    (url.startsWith('node:') ? 'node: sockets, buffers, timers' : 'native code, as crc32 and writes to sockets')
  );
}
