import {
  clockFaults,
  clockFaultText,
  laggingHostText,
  unknownHosts,
  unknownHostText,
  unknownJobsText,
  type Gizzard,
  shardKey,
} from '../gizzard/index.js';

/**
 * Why this server is not ready: it cannot journal and so cannot write, or its topology is stale and may lead reads
 * astray.
 */
export async function whyNotReady(gizzard: Gizzard): Promise<string | undefined> {
  const stale = gizzard.nameServer.lastReloadError;
  if (stale !== undefined) return `the topology is not fresh: ${stale.message}`;
  const { hosts, topology, servers, upgrades } = gizzard;
  const newer = upgrades.newerShard(topology);
  if (newer !== undefined)
    return `shard ${shardKey(newer.id)} has schema version ${newer.schemaVersion}, which this release does not know: run a newer one`;
  const unknown = unknownHosts(hosts, topology);
  if (unknown.length > 0) return unknownHostText(servers.name, unknown);
  const { refused } = gizzard.jobs.guard;
  if (refused !== undefined) return refused.message;
  return gizzard.jobs.status().then(
    () => undefined,
    (error: unknown) => `the journal does not answer: ${error instanceof Error ? error.message : String(error)}`,
  );
}

/** Problems of the cluster that do not keep this server from its work. */
export async function notesOf({ hosts, jobs }: Gizzard): Promise<string[]> {
  const lagging = [...(await jobs.laggingHosts()).map(laggingHostText), ...(await jobs.unknown()).map(unknownJobsText)];
  // If the journal's clock is refused, every other clock seems wrong.
  if (jobs.guard.refused !== undefined) return lagging;
  return [...lagging, ...(await clockFaults(hosts, hosts.names, () => jobs.journal.nowMs())).map(clockFaultText)];
}
