import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';

interface Report {
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly message: string }[];
}

/** The outcome of each fixture, by its name. The fixtures run in their own vitest, since two of them must fail. */
const outcomes = new Map<string, { status: string; message: string }>();

beforeAll(() => {
  const command = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/fixtures/leaks/vitest.config.ts',
    '--reporter=json',
  ];
  const { stdout } = spawnSync(process.execPath, command, { cwd: join(import.meta.dirname, '..'), encoding: 'utf8' });
  for (const { name, status, message } of (JSON.parse(stdout) as Report).testResults)
    outcomes.set(basename(name), { status, message });
});

it('lets a test file pass that closes what it opened', () => {
  expect(outcomes.get('tidy.fixture.ts')).toEqual({ status: 'passed', message: '' });
});

it('fails a test file that leaves a timer', () => {
  const { status, message } = outcomes.get('timer.fixture.ts')!;
  expect(message).toContain('This test file left open: 1 Timeout.');
  expect(status).toBe('failed');
});

it.runIf(existsSync('/proc/self/environ'))('fails a test file that leaves a process, and names it', () => {
  const { status, message } = outcomes.get('process.fixture.ts')!;
  const pid = /^This test file left open: process (\d+) \(sleep 10\)\./.exec(message)?.[1];
  expect(status).toBe('failed');
  process.kill(Number(pid));
});
