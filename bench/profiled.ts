import { writeFileSync } from 'node:fs';
import { Profiler } from './profile.js';

// For import into a server to be profiled. The first SIGUSR2 starts the profile, and the second writes it to
// ROOST_BENCH_PROFILE.
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
