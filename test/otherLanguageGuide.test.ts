import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { findPythonTools } from './pythonClient.js';
import { roostMain } from './runRoost.js';
import { startServeProcess, type ServeProcess } from './serveProcess.js';
import { freshCluster } from './support/index.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const guide = readFileSync(join(root, 'docs/guides/other-languages.md'), 'utf8');

const python = await findPythonTools();
const obstacle =
  typeof python === 'string'
    ? python
    : await run('ruby', ['-W0', '-e', 'require "thrift"']).then(
        () => undefined,
        () => 'no ruby has thrift (Debian packages ruby, ruby-thrift)',
      );

interface Step {
  readonly command: string;
  /** Absent: the guide shows none. */
  readonly output: string | undefined;
}

/** Returns the files of the guide, and its commands in order. */
function readGuide(): { readonly files: readonly (readonly [string, string])[]; readonly steps: readonly Step[] } {
  const files = Array.from(
    guide.matchAll(/^```\w+\n# (\w+\.\w+)\n(.*?)^```$/gms),
    ([, name, text]) => [name!, text!] as const,
  );
  const steps = Array.from(
    guide.replace(/^```(?!text)\w+\n.*?^```$/gms, '').matchAll(/^ {4}(\S[^\n]*)$|^```text\n\$ ([^\n]*)\n(.*?)^```$/gms),
    ([, indented, shown, output]) => ({ command: indented ?? shown!, output }),
  );
  return { files, steps };
}

describe.skipIf(obstacle !== undefined)(
  `the guide for other languages${obstacle === undefined ? '' : `: skipped, ${obstacle}`}`,
  () => {
    const { configPath } = freshCluster('languages');
    const folder = mkdtempSync(join(tmpdir(), 'roost-languages-'));
    let server: ServeProcess | undefined;

    afterAll(async () => {
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Puts the package, `npx` and the Python that has thrift where the guide's commands find them. */
    function prepare(): NodeJS.ProcessEnv {
      for (const name of ['node_modules', 'bin']) mkdirSync(join(folder, name));
      symlinkSync(root, join(folder, 'node_modules/roostdb'));
      const programs = {
        npx: `shift; exec '${process.execPath}' '${roostMain}' "$@"`,
        python3: `exec ${typeof python === 'string' ? 'false' : python.python} "$@"`,
      };
      for (const [name, script] of Object.entries(programs)) {
        writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`);
        chmodSync(join(folder, 'bin', name), 0o755);
      }
      // The programs of pyenv look Python up by the PATH.
      return { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, ROOST_CONFIG: configPath };
    }

    /** Starts the server of a line of the guide, with the settings in front of it. */
    async function serve(command: string): Promise<void> {
      await server?.stop();
      const settings = Array.from(command.matchAll(/(ROOST__\w+)=(\S+)/g), ([, key, file]) => [
        key!,
        join(folder, file!),
      ]);
      server = await startServeProcess(configPath, Object.fromEntries(settings) as NodeJS.ProcessEnv);
    }

    it('shows clients in Python and Ruby that print what it says', { timeout: 120_000 }, async () => {
      const { files, steps } = readGuide();
      const env = prepare();
      for (const [name, text] of files) writeFileSync(join(folder, name), text);
      // The package is here already, and the test's cluster takes the place of the playground.
      const elsewhere = /^npm install|^npx roost playground/;
      for (const { command, output } of steps.filter(({ command }) => !elsewhere.test(command))) {
        if (command.includes('npx roost serve')) await serve(command);
        else {
          const line = command.replaceAll('7915', String(server?.ready.flock.port));
          const { stdout } = await run('sh', ['-c', line], { cwd: folder, env, timeout: 60_000 });
          if (output !== undefined) expect(stdout, line).toBe(output);
        }
      }
      expect(steps.filter(({ output }) => output !== undefined)).toHaveLength(4);
    });
  },
);
