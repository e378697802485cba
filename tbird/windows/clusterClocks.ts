import { Deadline, RoostError } from '../../core/index.js';
import type { Gizzard } from '../../gizzard/index.js';

/** Two clocks of the cluster, in milliseconds since 1970: neither is that of a server of Roost. Both throw `Unavailable` where they cannot be read. */
export interface ClusterClocks {
  /** That of the journal's Redis. Windows are made by it. */
  journalMs(): Promise<number>;
  /** That of the name server's MySQL. Windows are dropped only where it agrees. */
  databaseMs(): Promise<number>;
}

const readDeadlineMs = 2_000;

export const clusterClocks = ({ jobs, mysql, config }: Gizzard): ClusterClocks => ({
  journalMs: () => jobs.journal.nowMs(),
  async databaseMs() {
    let failure: RoostError | undefined;
    for (const name of config.nameServer.hosts) {
      try {
        return await mysql.host(name).clockMs(Deadline.after(readDeadlineMs));
      } catch (error) {
        failure = RoostError.from(error);
      }
    }
    throw failure!;
  },
});
