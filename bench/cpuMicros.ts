import { readdirSync, readFileSync } from 'node:fs';

/** The CPU time of a process with all its threads, as Linux's scheduler counts it. */
export function cpuMicros(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + microsOf(`/proc/${pid}/task/${thread}/schedstat`), 0);
}

/** 0 for a thread that has just ended. */
function microsOf(path: string): number {
  try {
    return Number(readFileSync(path, 'latin1').split(' ')[0]) / 1_000;
  } catch {
    return 0;
  }
}
