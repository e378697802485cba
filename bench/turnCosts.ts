import { appendFileSync, existsSync, readFileSync } from 'node:fs';

// For import into a server whose turns of the event loop are to be measured. Writes a line to ROOST_BENCH_TURNS for
// each long turn: the milliseconds for which its thread had a core, so that other load on the machine does not count.
// The loop spins meanwhile.
const path = process.env['ROOST_BENCH_TURNS'];
const schedulerPath = `/proc/self/task/${process.pid}/schedstat`;
const leastMs = 5;

const onCoreMs = existsSync(schedulerPath)
  ? (): number => Number(readFileSync(schedulerPath, 'latin1').split(' ', 1)[0]) / 1e6
  : (): number => performance.now();

if (path !== undefined) {
  let beganMs = onCoreMs();
  const beat = (): void => {
    const nowMs = onCoreMs();
    if (nowMs - beganMs > leastMs) appendFileSync(path, `${nowMs - beganMs}\n`);
    beganMs = onCoreMs();
    setImmediate(beat).unref();
  };
  beat();
}
