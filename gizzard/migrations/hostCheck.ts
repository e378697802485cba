import { Deadline, RoostError } from '../../core/index.js';
import type { RoostConfig } from '../../process/index.js';
import type { HostLook } from '../backend.js';
import { maxClockDifferenceMs } from '../doctor/clockFaults.js';
import type { Hosts } from '../hosts.js';

const deadlineMs = 5_000;

export interface HostCheckEnvironment {
  readonly config: Pick<RoostConfig, 'server'>;
  /** The journal's time. */
  readonly nowMs: () => Promise<number>;
  /** Servers that will connect to the host. */
  readonly servers: number;
}

/**
 * Checks everything that Roost needs of a host: an answer, its backend's checks, room and clock. If it does not
 * answer, nothing else is checked. Throws as `Hosts.host`.
 */
export async function checkHost(
  hosts: Hosts,
  name: string,
  { config, nowMs, servers }: HostCheckEnvironment,
): Promise<HostLook[]> {
  const backend = hosts.backendOf(name);
  const host = backend.host(name);
  const looks: HostLook[] = [];
  const add = (what: string, state: HostLook['state'], text: string): void => void looks.push({ what, state, text });
  try {
    const startMs = performance.now();
    await host.clockMs(Deadline.after(deadlineMs));
    add('answers', 'good', `in ${Math.ceil(performance.now() - startMs)} ms`);
  } catch (error) {
    add('answers', 'fault', RoostError.from(error).message);
    return looks;
  }
  const guarded = async (what: string, look: () => Promise<void>): Promise<void> => {
    try {
      await look();
    } catch (error) {
      add(what, 'warning', `could not be looked at: ${RoostError.from(error).message}`);
    }
  };
  await guarded(backend.name, async () => void looks.push(...((await backend.check?.(host, servers)) ?? [])));
  await guarded('room', async () => {
    const room = await host.room?.(Deadline.after(deadlineMs));
    if (room === undefined) return;
    const { usedBytes, freeBytes, text } = room;
    if (freeBytes === undefined) add('room', 'warning', `${usedBytes} bytes used; free space is unknown: ${text}`);
    else add('room', freeBytes <= 0 ? 'fault' : 'good', `${usedBytes} bytes used, ${freeBytes} free`);
  });
  await guarded('clock', async () => {
    const aheadMs = (await host.clockMs(Deadline.after(deadlineMs))) - (await nowMs());
    const off = Math.abs(aheadMs);
    const text = `${off < 10_000 ? `${off} ms` : `${Math.round(off / 1_000)} s`} ${aheadMs < 0 ? 'behind' : 'ahead of'} that of the journal`;
    const skewed = off > config.server.maxClockSkewMs;
    add(
      'clock',
      off > maxClockDifferenceMs ? 'fault' : skewed ? 'warning' : 'good',
      skewed ? `${text}: set it right` : text,
    );
  });
  return looks;
}
