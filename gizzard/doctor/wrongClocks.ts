import { clockFaults, clockFaultText, isWrong, type ClockFault } from './clockFaults.js';
import type { ServerVersion } from '../moving/servers.js';
import type { Check } from './check.js';

/**
 * Database hosts and servers whose clocks differ too much from the journal's. Nothing if the journal does not answer:
 * other findings say so.
 */
export const wrongClocks: Check = {
  name: 'clocks',
  quick: true,
  async examine({ hosts, jobs, servers }) {
    const nowMs = (): Promise<number> => jobs.journal.nowMs();
    const journalMs = await nowMs().catch(() => undefined);
    if (journalMs === undefined) return [];
    const faults = [
      ...(await clockFaults(hosts, hosts.names, nowMs)),
      ...(await servers.list()).flatMap((server) => serverFault(server, journalMs)),
    ];
    return faults.map((fault) => ({ kind: 'wrongClock', subject: fault.subject, message: clockFaultText(fault) }));
  },
};

function serverFault({ id, info, silentMs }: ServerVersion, journalMs: number): ClockFault[] {
  const { clockMs, machine, pid } = info;
  if (typeof clockMs !== 'number') return [];
  const fault = {
    subject: machine === undefined ? `server ${id}` : `server ${machine} (process ${pid})`,
    aheadMs: clockMs + silentMs - journalMs,
  };
  return isWrong(fault) ? [fault] : [];
}
