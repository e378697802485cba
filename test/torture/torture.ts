import { Deadline } from '../../core/index.js';
import { Clusters } from './clusters.js';
import { skippedFaults } from './faults/index.js';
import { drawPlan, planText, type RoundPlan } from './plan.js';
import type { RoundReport } from './round.js';
import { shrink } from './shrink.js';

export interface TortureOptions {
  readonly firstSeed: number;
  readonly rounds: number;
  readonly minutes: number;
  /** Replaces the faults that the seeds draw. */
  readonly faults?: readonly string[];
  readonly say: (line: string) => void;
  /** Called with the shortest history of each failed round. Absent: the histories are not kept. */
  readonly keep?: (text: string) => void;
}

export interface TortureResult {
  readonly rounds: number;
  readonly failed: readonly { readonly seed: number; readonly violations: readonly string[] }[];
}

/** The time for which the shortest failing round is searched. */
const shrinkMs = 10 * 60_000;

/**
 * Runs rounds of consecutive seeds, until there are enough or the time is over. A failed round is run again, to find
 * the shortest history that still fails.
 */
export async function torture({
  firstSeed,
  rounds,
  minutes,
  faults,
  say,
  keep,
}: TortureOptions): Promise<TortureResult> {
  const clusters = new Clusters();
  const endMs = performance.now() + minutes * 60_000;
  const failed: { readonly seed: number; readonly violations: readonly string[] }[] = [];
  let done = 0;
  for (const skipped of skippedFaults) say(`not brought about: ${skipped}`);
  try {
    for (; done < rounds && performance.now() < endMs; done++) {
      const drawn = drawPlan(firstSeed + done);
      const plan: RoundPlan = faults === undefined ? drawn : { ...drawn, faults };
      const begunMs = performance.now();
      const report = await clusters.run(plan);
      const { violations, writes, reads, notes } = report;
      const seconds = ((performance.now() - begunMs) / 1_000).toFixed(1);
      say(
        `${violations.length === 0 ? 'whole' : 'WRONG'} seed ${plan.seed}: ${planText(plan)}; writes ${JSON.stringify(writes)}, ${reads} reads, ${seconds} s`,
      );
      if (process.env['ROOST_TEST_NOTES'] !== undefined)
        for (const line of [...notes, ...errorLines(report)]) say(`  ${line}`);
      if (violations.length === 0) continue;
      failed.push({ seed: plan.seed, violations });
      tell(report, say);
      const { least, again, runs } = await shrink(report, (smaller) => clusters.run(smaller), Deadline.after(shrinkMs));
      say(`seed ${plan.seed}: of ${runs} further runs ${again} went wrong; the shortest that did:`);
      if (again > 0) tell(least, say);
      const kept = [`seed ${plan.seed}: ${planText(plan)}`];
      tell(least, (line) => kept.push(line));
      keep?.(`${kept.join('\n')}\n`);
    }
  } finally {
    await clusters.stop();
  }
  say(`${done} rounds, ${failed.length} of them wrong${failed.map(({ seed }) => ` ${seed}`).join()}`);
  return { rounds: done, failed };
}

const told = 12;

/** Prints, for people, the violations, the events, and the history of the registers concerned. */
function tell({ plan, violations, notes, errors, history, begunMs }: RoundReport, say: (line: string) => void): void {
  const { faults, clients, operations, lanes, journal } = plan;
  say(`  plan: ${JSON.stringify({ faults, clients, operations, lanes, journal })}`);
  for (const note of notes) say(`  ${note}`);
  for (const violation of violations.slice(0, told)) say(`  VIOLATION: ${violation}`);
  if (violations.length > told) say(`  and ${violations.length - told} more`);
  const registers = new Set(
    violations.flatMap((text) => text.match(/((?:edge|favorite) \d+ \d+|(?:user|flags|tweet|node) \d+)/g) ?? []),
  );
  for (const register of [...registers].slice(0, 2)) {
    say(`  ${register}:`);
    for (const line of history.tell(register, begunMs)) say(`    ${line}`);
  }
  for (const line of errorLines({ errors })) say(`  ${line}`);
}

const errorLines = ({ errors }: Pick<RoundReport, 'errors'>): string[] =>
  Array.from(errors, ([error, count]) => `${count} × ${error}`);
