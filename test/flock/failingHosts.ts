import { RoostError } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';

/**
 * Makes transactions on a process's database hosts fail now and then. Each leaf fails independently, so one end of an
 * edge is written while the other waits to be tried again.
 */
export class FailingHosts {
  /**
   * One transaction in so many fails before it starts, and one in so many fails after its commit, of which its caller
   * then hears nothing. 0: none.
   */
  oneIn = 0;
  failures = 0;

  constructor(flock: Flock, random: (below: number) => number) {
    const { mysql, config } = flock.gizzard;
    for (const host of Object.keys(config.databaseHosts).map((name) => mysql.host(name))) {
      const now = (when: string): void => {
        if (this.oneIn === 0 || random(this.oneIn) > 0) return;
        this.failures++;
        throw new RoostError('Unavailable', `made to fail ${when}`, { fields: { host: host.name } });
      };
      const transaction = host.transaction.bind(host);
      host.transaction = async (deadline, work) => {
        now('before the transaction');
        const result = await transaction(deadline, work);
        now('after the commit');
        return result;
      };
    }
  }
}
