import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { debianArchive, unpackServers } from './debianServers.js';

// Everything else runs on the machine's own databases. This file runs the tests that use SQL on the newest databases
// in Debian.

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const minute = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'roost-databases-'));
const archive = await debianArchive();
if (archive === undefined)
  console.warn('there is no apt with an archive of Debian: the newest databases are not tested');

/** Folders whose code runs SQL. */
const folders = ['mysql/', 'gizzard/', 'flock/', 'tbird/', 'users/', 'cluster/', 'test/dump', 'test/tweet'];
/** This test loads a plugin from the machine's own MariaDB, which has another version. */
const ownPlugin = 'mysql/hostRoom.test.ts';

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.skipIf(archive === undefined || process.arch !== 'x64').each([
  ['MySQL', ['mysql-server-core'], /^MySQL (9|[1-9]\d)\./],
  ['MariaDB', ['mariadb-server-core', 'mariadb-client-core'], /^MariaDB (1[1-9]|[2-9]\d)\./],
])(
  'runs all that speaks SQL on the newest %s',
  async (name, packages, version) => {
    const servers = await unpackServers(archive!, 'sid', packages, join(folder, name));
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const { stdout } = await run(
      process.execPath,
      [vitest, 'run', '--project', 'integration', '--exclude', ownPlugin, ...folders],
      {
        cwd: root,
        maxBuffer: 64 * 1024 * 1024,
        env: environment(servers),
      },
    ).catch((error: { stdout: string }) => {
      throw new Error(`tests fail on ${name}:\n${error.stdout.slice(-20_000)}`, { cause: error });
    });
    expect(/tests run on (.*)/.exec(stdout)?.[1]).toMatch(version);
    expect(stdout).toMatch(/Tests +\d+ passed/);
  },
  30 * minute,
);

/**
 * A vitest that runs inside a vitest needs its own environment. The first folder of the PATH provides the databases.
 */
function environment(servers: string): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !/^(VITEST|ROOST_|NODE_OPTIONS)/.test(name));
  return { ...Object.fromEntries(others), NO_COLOR: '1', PATH: `${servers}:${process.env['PATH'] ?? ''}` };
}
