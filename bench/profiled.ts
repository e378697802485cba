import { writeFileSync } from 'node:fs';
import { Profiler } from './profile.js';

// Imported into a server that is to be profiled: the first SIGUSR2 starts, the second writes what was found to ROOST_BENCH_PROFILE.
let profiler: Profiler | undefined;
process.on('SIGUSR2', () => {
  const running = profiler;
  profiler = running === undefined ? new Profiler() : undefined;
  if (running === undefined) void profiler!.start();
  else
    void running
      .stop()
      .then((shares) => writeFileSync(process.env['ROOST_BENCH_PROFILE']!, JSON.stringify([...shares])));
});
