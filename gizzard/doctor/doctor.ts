import { Deadline, isRoostError, jsonText, RoostError } from '../../core/index.js';
import { isOpen } from '../moving/moveTask.js';
import type { Change } from '../topology/changes.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import type { Check, DoctorEnvironment, Examination, Finding } from './check.js';
import { checks as ownChecks, quickChecks } from './checks.js';

const movesLookedAt = 1_000;

/** A finding that was put right. */
export interface Fixed {
  readonly finding: Finding;
  /** The number of the repair, if servers are still working on it. */
  readonly move?: number;
}

/** Finds faults of a cluster, such as leftovers of half-done or manual work, and puts right what it can. */
export class Doctor {
  constructor(
    private readonly environment: DoctorEnvironment,
    /** Checks that stores bring. */
    private readonly checks: readonly Check[],
  ) {}

  /**
   * Examines everything and changes nothing. Anything that cannot be examined is a finding too, `notExamined`: an
   * empty answer means that all was seen and is well. Throws if the name server does not answer.
   */
  async examine(): Promise<Finding[]> {
    await this.environment.nameServer.reload();
    const examination = await this.#begin();
    const findings: Finding[] = [];
    for (const check of [...ownChecks, ...this.checks]) findings.push(...(await examineWith(check, examination)));
    return findings;
  }

  /**
   * The quick checks alone, with the topology that this process works with; the most urgent findings first. For those who look every second. Each check has `withinMs`; one that takes longer
   * is a finding `notExamined`. Never throws.
   */
  async glance(withinMs: number): Promise<Finding[]> {
    const deadline = Deadline.after(withinMs);
    const beginning = deadline.race(this.#begin(), 'a look at migrations and moves');
    const quick = [...quickChecks, ...this.checks.filter(({ quick }) => quick === true)];
    const findings = await Promise.all(
      quick.map(async (check) => {
        try {
          // The hosts are looked at even where the control tables do not answer.
          const examination = await (check === quickChecks[0] ? this.#unbegun() : beginning);
          return await deadline.race(examineWith(check, examination), `a look at ${check.name}`);
        } catch (error) {
          return [notExamined(check, error)];
        }
      }),
    );
    return findings.flat();
  }

  async #begin(): Promise<Examination> {
    const { migrations, moves } = this.environment;
    const [reserved, active, leftBehind] = await Promise.all([
      migrations.reservations(),
      moves.store.list({ active: true, limit: movesLookedAt }),
      migrations.leftBehind(),
    ]);
    return { ...this.#unbegun(), reserved, openMoves: active.filter(({ state }) => isOpen(state)), leftBehind };
  }

  #unbegun(): Examination {
    return {
      ...this.environment,
      topology: this.environment.nameServer.topology,
      reserved: new Map(),
      openMoves: [],
      leftBehind: new Map(),
    };
  }

  /**
   * Puts findings right where possible; with `dropTables` also where data is lost. Returns those put right; servers
   * repair replicas later.
   */
  async fix(findings: readonly Finding[], options: { readonly dropTables: boolean }): Promise<Fixed[]> {
    const { nameServer, moves } = this.environment;
    const fixed: Fixed[] = [];
    const changes = findings.filter(({ remedy }) => remedy?.kind === 'change');
    if (changes.length > 0) {
      const all = unique(changes.flatMap(({ remedy }) => (remedy?.kind === 'change' ? remedy.changes : [])));
      const marks = all.filter(({ kind }) => kind === 'markBusy');
      const others = all.filter(({ kind }) => kind !== 'markBusy');
      if (others.length > 0) await nameServer.apply(others, 'roost doctor --fix');
      // Shards of migrations too: no move works with them.
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

  /** False if the tables have come into use since they were examined. */
  async #setAside(shard: ShardInfo): Promise<boolean> {
    const { nameServer, dropped, keepDroppedMs } = this.environment;
    try {
      // From here on nobody can use the name, however long this process takes.
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

async function examineWith(check: Check, examination: Examination): Promise<readonly Finding[]> {
  try {
    return await check.examine(examination);
  } catch (error) {
    return [notExamined(check, error)];
  }
}

const notExamined = ({ name }: Check, error: unknown): Finding => ({
  kind: 'notExamined',
  subject: name,
  message: `${name} could not be looked at: ${RoostError.from(error).message}`,
});

/** Two findings may remove the same link; links go before their shards. */
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
