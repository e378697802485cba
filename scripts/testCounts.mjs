// Prints `N passed, N failed, N skipped` from the JSON report of vitest.
import { readFileSync } from 'node:fs';

const report = readFileSync(process.argv[2], 'utf8');
const counts = { passed: 0, failed: 0, skipped: 0 };
if (report === '') {
  // Types, lint or the build failed, and no test was started.
  counts.failed = 1;
} else {
  for (const { status, assertionResults } of JSON.parse(report).testResults) {
    const failedBefore = counts.failed;
    for (const test of assertionResults)
      counts[test.status === 'passed' || test.status === 'failed' ? test.status : 'skipped'] += 1;
    // The file as a whole: it does not load, a hook failed, or it left something open.
    if (status === 'failed' && counts.failed === failedBefore) counts.failed += 1;
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
