import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../core/index.js';
import type { Roost } from '../../sdk/index.js';
import type { TortureCluster } from './cluster.js';

/** The time within which everything comes back: a server that starts, a lease that expires, jobs that failed. */
const healMs = 90_000;

/** Waits until each client can write again. Returns what does not heal. */
export async function untilServing(clients: readonly Roost[]): Promise<string[]> {
  const problems = await Promise.all(
    clients.map(async (roost) => {
      const deadline = Deadline.after(healMs);
      for (;;) {
        try {
          const follows = await roost.graph('follows');
          await follows.add(1, 2, { acknowledgment: 'materialized' });
          await roost.users.put({ id: 1, name: 'one', screenName: 'one' });
          return [];
        } catch (error) {
          if (deadline.passed) return [`no write goes through when all is over: ${String(error)}`];
          await sleep(200);
        }
      }
    }),
  );
  return problems.flat();
}

/**
 * Waits until the journal is empty at two polls in a row, since a job may pass from one queue to another between two
 * polls.
 */
export async function untilQuiet(roost: Roost): Promise<string[]> {
  const deadline = Deadline.after(healMs);
  let left = 'the journal was never read';
  for (let looks = 0; looks < 2;) {
    try {
      const { queued, failing, bad } = await roost.journal();
      left = JSON.stringify({ queued, failing, bad });
      looks = queued.high + queued.medium + queued.low + failing + bad === 0 ? looks + 1 : 0;
    } catch (error) {
      left = String(error);
      looks = 0;
    }
    if (looks === 0 && deadline.passed) return [`the journal does not come to rest: ${left}`];
    await sleep(looks === 1 ? 20 : 150);
  }
  return [];
}

export async function untilReady(cluster: TortureCluster): Promise<string[]> {
  const problems = await Promise.all(
    cluster.servers.map(async (server) => {
      const deadline = Deadline.after(30_000);
      let readiness = await cluster.readiness(server);
      while (readiness.status !== 200 && !deadline.passed) {
        await sleep(300);
        readiness = await cluster.readiness(server);
      }
      return readiness.status === 200 ? [] : [`a server is not ready after all is over: ${readiness.text}`];
    }),
  );
  return problems.flat();
}
