import { type JournalKind, TortureCluster } from './cluster.js';
import { type RoundPlan, roundsPerCluster } from './plan.js';
import { type RoundReport, runRound } from './round.js';

/** Runs rounds one after another, several on a cluster. A cluster with a failed round is not used again. */
export class Clusters {
  #cluster: TortureCluster | undefined;
  #journal: JournalKind | undefined;
  #rounds = 0;

  async run(plan: RoundPlan): Promise<RoundReport> {
    if (this.#journal !== plan.journal || this.#rounds === roundsPerCluster) await this.stop();
    this.#cluster ??= await TortureCluster.start(plan.journal);
    this.#journal = plan.journal;
    this.#rounds++;
    const cluster = this.#cluster;
    let whole = false;
    try {
      const report = await runRound(cluster, plan);
      whole = report.violations.length === 0;
      return report;
    } finally {
      if (!whole) await this.stop();
    }
  }

  async stop(): Promise<void> {
    const cluster = this.#cluster;
    this.#cluster = undefined;
    this.#rounds = 0;
    await cluster?.stop();
  }
}
