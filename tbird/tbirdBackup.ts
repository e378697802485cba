import { z } from 'zod';
import type { StoreBackup } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { SqlWorkerLeases } from './ids/sqlWorkerLeases.js';
import type { Tbird } from './tbird.js';
import { firstKeptId } from './windows/windowMap.js';
import { readPolicy, type WindowPolicy } from './windows/windowPolicy.js';

/** Ids are made up to a second ahead of the journal's time. */
const idsAheadMs = 2_000;

const savedSchema = z.object({
  policy: z.unknown(),
  windows: z.array(z.int()),
  keptFromId: z.string(),
});

/**
 * The windows of tweets and their policy; null if tweets are not set up. Leases of worker numbers are not restored:
 * servers take new ones, and make later ids.
 */
export const tbirdBackup: StoreBackup<Tbird> = {
  async save({ windowSet: windows, gizzard }) {
    const policy = await windows.storedPolicy();
    if (policy === undefined) return null;
    return {
      policy,
      windows: (await windows.stored()).map(({ startMs }) => startMs),
      keptFromId: String(firstKeptId(gizzard.topology)),
    } satisfies z.output<typeof savedSchema>;
  },
  async prepare({ windowSet: windows, gizzard }, all, latestMicros) {
    const saved = all.filter((each) => each !== null).map((each) => savedSchema.parse(each));
    const [first] = saved;
    if (first === undefined) return;
    const policy = readPolicy(JSON.stringify(first.policy));
    const known = await windows.storedPolicy();
    if (known === undefined) await windows.setPolicy(onHosts(policy, Object.keys(gizzard.config.databaseHosts)));
    else if (known.windowMs !== policy.windowMs)
      throw new RoostError(
        'FailedPrecondition',
        `windows of tweets are ${known.windowMs} ms long in this cluster, and ${policy.windowMs} ms in the backup`,
      );
    await windows.restore([...new Set(saved.flatMap((each) => each.windows))], BigInt(first.keptFromId));
    await SqlWorkerLeases.of(gizzard).reserveUntil(Number(latestMicros / 1_000n) + idsAheadMs);
  },
};

/** The hosts in the backup belong to another cluster. */
const onHosts = (policy: WindowPolicy, hosts: readonly string[]): WindowPolicy => ({
  ...policy,
  openHosts: [...hosts],
  closedHosts: [...hosts],
  replicas: Math.min(policy.replicas, hosts.length),
});
