import { appendFileSync, writeFileSync } from 'node:fs';
import { TortureCluster } from './cluster.js';
import { runRound } from './round.js';

// node main.mjs FIRST_SEED ROUNDS [fault,fault]
const [firstSeed = 1, rounds = 1] = process.argv.slice(2, 4).map(Number);
const only = process.argv[4]?.split(',');
let cluster = await TortureCluster.start();
const log = process.env['TORTURE_LOG'] ?? '/tmp/jepsen/log';
process.on('SIGTERM', () => void cluster.stop().then(() => process.exit(1)));
try {
  for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
    const report = await runRound(cluster, seed, only);
    const { history, errors, ...rest } = report;
    appendFileSync(log, `${new Date().toISOString()} ${JSON.stringify(rest, undefined, 1)}\n${[...errors].map(([text, count]) => `   ${count} × ${text}`).join('\n')}\n`);
    console.log(seed, report.faults.join('+'), JSON.stringify(report.writes), report.reads, report.violations.length === 0 ? 'ok' : `VIOLATIONS ${report.violations.length}: ${report.violations.slice(0, 5).join('\n   ')}`);
    if (report.violations.length === 0) continue;
    writeFileSync(`/tmp/jepsen/history-${seed}.json`, JSON.stringify({ ...rest, writes: history.writes, reads: history.reads }, undefined, 1));
    await cluster.stop();
    cluster = await TortureCluster.start();
  }
} finally {
  await cluster.stop();
}
