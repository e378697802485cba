import { createHook } from 'node:async_hooks';
import { readdirSync, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';

// Runs before each test file, so that its `afterAll` is the last: everything that the file opened must be closed by
// then. Resources are the handles that, by Node's own account, keep it alive. Processes are found by a variable that
// they inherit, so that a process which was detached, or whose parent is gone, counts as well.

const owner = `ROOST_TEST_OWNER=${randomUUID()}`;
process.env['ROOST_TEST_OWNER'] = owner.slice(owner.indexOf('=') + 1);
const before = resourceCounts();
/** With ROOST_TRACE_LEAKS=1, each timer and where it was made, by its id. It slows everything down. */
const timers = new Map<number, { readonly timer: NodeJS.Timeout; readonly stack: string }>();
if (process.env['ROOST_TRACE_LEAKS'] === '1')
  createHook({
    init(id, type, _trigger, timer) {
      if (type === 'Timeout') timers.set(id, { timer: timer as NodeJS.Timeout, stack: new Error().stack ?? '' });
    },
    destroy: (id) => timers.delete(id),
  }).enable();
/** A closed socket needs some turns of the event loop, and a process that was told to stop needs some time. */
const settleMs = 3_000;

afterAll(async () => {
  const giveUpAt = performance.now() + settleMs;
  let left = leftOpen();
  while (left.length > 0 && performance.now() < giveUpAt) {
    await sleep(20);
    left = leftOpen();
  }
  if (left.length > 0) {
    throw new Error(
      `This test file left open: ${left.join(', ')}. Close clients, servers and timers, and stop processes, in afterAll.` +
        made(),
    );
  }
});

function made(): string {
  const left = [...timers.values()].filter(({ timer }) => timer.hasRef?.());
  return left.map(({ stack }) => `\n\nA timer is left, made ${stack.split('\n').slice(4).join('\n')}`).join('');
}

function leftOpen(): string[] {
  const left: string[] = [];
  for (const [type, count] of resourceCounts()) {
    const extra = count - (before.get(type) ?? 0);
    if (extra > 0) left.push(`${extra} ${type}`);
  }
  return [...left, ...startedProcesses()];
}

function resourceCounts(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

/** Finds processes only if there is /proc; elsewhere a child counts as a resource while it is referenced. */
function startedProcesses(): string[] {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  } catch {
    return [];
  }
  return pids.flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(owner)) return [];
      return [
        `process ${pid} (${readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim().slice(0, 80)})`,
      ];
    } catch {
      // The process is gone meanwhile, or belongs to another user.
      return [];
    }
  });
}
