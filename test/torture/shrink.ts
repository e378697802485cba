import type { Deadline } from '../../core/index.js';
import { operationKinds } from './operations/index.js';
import { clientNames, type RoundPlan } from './plan.js';
import type { RoundReport } from './round.js';

/** A repeated round has its events at other moments, so each plan gets several attempts. */
const attempts = 3;

/**
 * Searches for a smaller plan that still fails: without one of the faults, clients or kinds of operations, or with
 * one call at a time. Ends at the deadline with the smallest plan found.
 *
 * @param failed the round as it was, which went wrong
 */
export async function shrink(
  failed: RoundReport,
  run: (plan: RoundPlan) => Promise<RoundReport>,
  deadline: Deadline,
): Promise<{ readonly least: RoundReport; readonly again: number; readonly runs: number }> {
  let runs = 0;
  const goesWrong = async (plan: RoundPlan): Promise<RoundReport | undefined> => {
    for (let attempt = 0; attempt < attempts && !deadline.passed; attempt++) {
      runs++;
      const report = await run(plan);
      if (report.violations.length > 0) return report;
    }
    return undefined;
  };
  let least = failed;
  let again = 0;
  const same = await goesWrong(failed.plan);
  if (same === undefined) return { least, again, runs };
  again++;
  least = same;
  for (let smaller = true; smaller && !deadline.passed;) {
    smaller = false;
    for (const plan of smallerPlans(least.plan)) {
      const report = await goesWrong(plan);
      if (report === undefined) continue;
      again++;
      least = report;
      smaller = true;
      break;
    }
  }
  return { least, again, runs };
}

function smallerPlans(plan: RoundPlan): RoundPlan[] {
  const without = <T>(list: readonly T[], least: number): T[][] =>
    list.length <= least ? [] : list.map((one) => list.filter((other) => other !== one));
  return [
    ...without(plan.faults, 0).map((faults) => ({ ...plan, faults })),
    // Trying half of them at a time is faster if most do not matter.
    ...operationKinds
      .filter((kind) => plan.operations.length > 1 && plan.operations.includes(kind))
      .map((kind) => ({ ...plan, operations: [kind] })),
    ...without(plan.operations, 1).map((operations) => ({ ...plan, operations })),
    ...clientNames
      .filter((name) => plan.clients.length > 1 && plan.clients.includes(name))
      .map((name) => ({ ...plan, clients: [name] })),
    ...(plan.lanes > 1 ? [{ ...plan, lanes: 1 }] : []),
  ];
}
