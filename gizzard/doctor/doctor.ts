import { isRoostError, jsonText, RoostError } from '../../core/index.js';
import { isOpen } from '../moving/moveTask.js';
import type { Change } from '../topology/changes.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import type { Check, DoctorEnvironment, Examination, Finding } from './check.js';
import { checks as ownChecks } from './checks.js';

const movesLookedAt = 1_000;

/** A finding that was put right. */
export interface Fixed {
  readonly finding: Finding;
  /** Set where servers are still at it: the number of the repair. */
  readonly move?: number;
}

/** Finds what is wrong with a cluster, such as what half-done work and hands have left behind, and puts right what can be. */
export class Doctor {
  constructor(
    private readonly environment: DoctorEnvironment,
    /** Those that stores bring. */
    private readonly checks: readonly Check[],
  ) {}

  /** Looks, and changes nothing. What cannot be looked at is a finding too, `notExamined`: an empty answer means that all was seen and is well. Throws where the name server does not answer. */
  async examine(): Promise<Finding[]> {
    const { nameServer, migrations, moves } = this.environment;
    await nameServer.reload();
    const examination: Examination = {
      ...this.environment,
      topology: nameServer.topology,
      reserved: await migrations.reservations(),
      openMoves: (await moves.store.list({ active: true, limit: movesLookedAt })).filter(({ state }) => isOpen(state)),
      leftBehind: await migrations.leftBehind(),
    };
    const findings: Finding[] = [];
    for (const check of [...ownChecks, ...this.checks]) {
      try {
        findings.push(...(await check.examine(examination)));
      } catch (error) {
        findings.push({
          kind: 'notExamined',
          subject: check.name,
          message: `${check.name} could not be looked at: ${RoostError.from(error).message}`,
        });
      }
    }
    return findings;
  }

  /** Puts findings right where that is possible; `dropTables`: also where data is lost. Returns those that it put right; replicas are repaired by servers, later. */
  async fix(findings: readonly Finding[], options: { readonly dropTables: boolean }): Promise<Fixed[]> {
    const { nameServer, moves } = this.environment;
    const fixed: Fixed[] = [];
    const changes = findings.filter(({ remedy }) => remedy?.kind === 'change');
    if (changes.length > 0) {
      const all = unique(changes.flatMap(({ remedy }) => (remedy?.kind === 'change' ? remedy.changes : [])));
      const marks = all.filter(({ kind }) => kind === 'markBusy');
      const others = all.filter(({ kind }) => kind !== 'markBusy');
      if (others.length > 0) await nameServer.apply(others, 'roost doctor --fix');
      // A migration's shards too: no move works with them.
      if (marks.length > 0) await nameServer.apply(marks, 'roost doctor --fix', { maker: 'moves' });
      fixed.push(...changes.map((finding) => ({ finding })));
    }
    for (const finding of findings) {
      const { remedy } = finding;
      if (remedy?.kind === 'repair') {
        fixed.push({
          finding,
          move: await moves.request(
            'repair',
            remedy.shards.map((shard) => shard.id),
          ),
        });
      }
      if (remedy?.kind === 'dropTables' && options.dropTables) {
        if (await this.#setAside(remedy.shard)) fixed.push({ finding });
      }
    }
    return fixed;
  }

  /** False where somebody has begun to use the tables since they were looked at. */
  async #setAside(shard: ShardInfo): Promise<boolean> {
    const { nameServer, dropped, keepDroppedMs } = this.environment;
    try {
      // From here on nobody can, however long this process takes.
      await nameServer.spend([shard.id], 'roost doctor --fix');
    } catch (error) {
      if (isRoostError(error, 'FailedPrecondition')) return false;
      throw error;
    }
    await dropped.setAside(shard, {
      why: 'no shard named them: roost doctor --fix --drop-tables',
      keepMs: keepDroppedMs,
    });
    return true;
  }
}

/** Two findings may want the same link gone; links go before the shards that they hang on. */
function unique(changes: readonly Change[]): Change[] {
  const seen = new Map(changes.map((change) => [jsonText(change), change]));
  const order = (change: Change): number => (change.kind === 'deleteShard' ? 1 : 0);
  const deleted = new Set(
    [...seen.values()].flatMap((change) => (change.kind === 'deleteShard' ? [shardKey(change.id)] : [])),
  );
  return [...seen.values()]
    .filter((change) => !(change.kind === 'markBusy' && deleted.has(shardKey(change.id))))
    .sort((a, b) => order(a) - order(b));
}
