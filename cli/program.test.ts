import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCodes } from '../core/index.js';
import { allCommands, cliReference, helpText } from './cliReference.js';
import { exitCodes, signalExitCodes, usageExitCode } from './console/exitCodes.js';
import { callRoost, recordedIo } from '../test/callRoost.js';
import type { Finished } from '../test/runRoost.js';
import { buildProgram } from './program.js';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'roost-cli-'))));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(args: string[], environment: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const { stderr, ...finished } = await callRoost(args, folder, environment);
  return { ...finished, stderr: stderr.replaceAll(folder, 'DIR') };
}

describe('help', () => {
  it('is what docs/cli.md and docs/cli/ say; after a change: npm run build && node scripts/cli-docs.mjs', async () => {
    const pages = cliReference(buildProgram(recordedIo(folder).io));
    for (const { file, text } of pages) await expect(text).toMatchFileSnapshot(`../docs/${file}`);
    const kept = readdirSync(join(import.meta.dirname, '../docs/cli')).map((name) => `cli/${name}`);
    expect(['cli.md', ...kept].sort()).toEqual(pages.map(({ file }) => file).sort());
  });

  it('has an example and --json for every command that does something', () => {
    const leaves = allCommands(buildProgram(recordedIo(folder).io)).filter(
      ({ command }) => command.commands.length === 0,
    );
    expect(leaves.map(({ path }) => path)).toContain('roost flock intersect');
    for (const { path, command } of leaves) {
      expect(helpText(command)).toContain(`$ ${path} `.trimEnd());
      expect(helpText(command)).toContain('--json');
    }
  });

  it('goes to stdout with exit code 0 when asked for, and to stderr with 2 when a command is missing', async () => {
    const asked = await run(['flock', '--help']);
    expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(asked.stdout).toContain('Usage: roost flock');
    const missing = await run(['flock']);
    expect(missing).toMatchObject({ exitCode: usageExitCode, stdout: '' });
    expect(missing.stderr).toContain('Usage: roost flock');
  });

  it('shows the commands to begin with where none is given', async () => {
    const { exitCode, stdout, stderr } = await run([]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^Begin with:\n {2}roost quickstart /);
    const known = new Set(allCommands(buildProgram(recordedIo(folder).io)).map(({ path }) => path));
    const shown = Array.from(stdout.matchAll(/^ {2}(roost(?: [a-z]+)*)/gm), ([, command]) => command!);
    expect(shown.filter((command) => !known.has(command))).toEqual([]);
  });

  it('puts every command of a long help under a heading', () => {
    const program = buildProgram(recordedIo(folder).io);
    for (const command of [program, ...program.commands].filter(({ commands }) => commands.length > 12))
      expect(helpText(command)).not.toContain('\nCommands:');
  });

  it('prints the version', async () => {
    expect(await run(['--version'])).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
      stderr: '',
    });
  });
});

describe('exit codes', () => {
  it('are distinct, one for each canonical code', () => {
    expect(Object.keys(exitCodes).sort()).toEqual([...errorCodes].sort());
    const all = [0, usageExitCode, ...Object.values(exitCodes), ...Object.values(signalExitCodes)];
    expect(new Set(all).size).toBe(all.length);
  });

  it.each([
    [['grph'], "unknown command 'grph'"],
    [['graph', 'create'], "missing required argument 'name'"],
    [['graph', 'create', 'x', '--shards', '0'], 'an integer from 1 to 10000'],
    [['graph', 'list', '--color'], "unknown option '--color'"],
    [['flock', 'contains', 'g', '-5', '1'], 'id must be an integer from 0 to 9223372036854775807, not "-5"'],
    [['flock', 'contains', 'g', '1', '1.5'], 'not "1.5"'],
    [['flock', 'contains', 'g', '1', 'NaN'], 'not "NaN"'],
    [['flock', 'contains', 'g', '1', '9223372036854775808'], 'not "9223372036854775808"'],
    [['flock', 'page', 'g', '1', '--states', 'normal,lost'], 'The states are normal, negative, archived, removed.'],
    [['flock', 'query', 'g', 'from(1) &'], 'needs from, to, or a graph where it ends'],
    [['flock', 'page', 'g', '1', '--cursor', '5.nonsense'], 'a cursor that came with a page'],
    [['flock', 'page', 'g', '1', '--between', '5'], 'two positions as MIN..MAX'],
    [['flock', 'add', 'g', '1', '9223372036854775808'], 'not "9223372036854775808"'],
    [['flock', 'add', 'g', '1', '2', '--priority', 'urgent'], 'Allowed choices are high, medium, low.'],
    [['flock', 'page', 'g', '1', '--count', '1000000000'], 'an integer from 1 to 10000'],
    [['flock', 'page', 'g', '1', '--count', '-1'], 'an integer from 1 to 10000'],
    [['flock', 'page', 'g', '1', '--count', '0'], 'an integer from 1 to 10000'],
    [['flock', 'page', 'g', '1', '--direction', 'up'], 'Allowed choices are forward, backward.'],
    [['serve', '--flock-port', '70000'], 'an integer from 0 to 65535'],
    [['load', 'g'], "missing required argument 'file'"],
  ])('%j is wrong usage', async (args, message) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect(exitCode).toBe(usageExitCode);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).toContain('--help');
  });

  it('reports wrong usage as JSON on stderr with --json', async () => {
    const { exitCode, stdout, stderr } = await run(['flock', 'contains', 'g', '1', 'x', '--json']);
    expect({ exitCode, stdout }).toEqual({ exitCode: usageExitCode, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'Usage', message: expect.stringContaining('not "x"') as string },
    });
  });
});

describe('errors', () => {
  const config = (content: object): string => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify(content));
    return 'config.json';
  };
  const valid = { databaseHosts: { db1: {} }, nameServer: { hosts: ['db1'] }, server: { flockPort: 1 } };

  it('say that there is no configuration, and how to get one', async () => {
    const { exitCode, stderr } = await run(['graph', 'list']);
    expect(exitCode).toBe(exitCodes.NotFound);
    expect(stderr).toMatch(/^roost: no configuration: .*roost playground start.*--config\n$/);
  });

  it('name the key of a configuration that is wrong', async () => {
    const { exitCode, stderr } = await run([
      'graph',
      'list',
      '--config',
      config({ ...valid, server: { flockport: 1 } }),
    ]);
    expect(exitCode).toBe(exitCodes.InvalidArgument);
    expect(stderr).toBe(
      'roost: DIR/config.json: server.flockport is not a key of the configuration: did you mean server.flockPort?\n',
    );
  });

  it('name the option that is wrong', async () => {
    const { exitCode, stderr } = await run(['serve', '--log-level', 'loud', '--config', config(valid)]);
    expect(exitCode).toBe(exitCodes.InvalidArgument);
    expect(stderr).toBe(
      'roost: --log-level: log.level must be one of silent, error, warn, info, debug, found "loud"\n',
    );
  });

  it('name the line of a file, before any server is asked', async () => {
    writeFileSync(join(folder, 'edges.txt'), '1 2\n# all well so far\n3 four\n');
    const { exitCode, stderr } = await run(['load', 'follows', 'edges.txt', '--config', config(valid)]);
    expect(exitCode).toBe(exitCodes.InvalidArgument);
    expect(stderr).toContain('DIR/edges.txt: line 3 must be "source destination"');
    expect(await run(['load', 'follows', 'absent.txt'])).toMatchObject({
      exitCode: exitCodes.NotFound,
      stderr: 'roost: DIR/absent.txt: there is no such file\n',
    });
  });

  it('are objects with --json', async () => {
    const { exitCode, stdout, stderr } = await run(['load', 'follows', 'absent.txt', '--json']);
    expect({ exitCode, stdout }).toEqual({ exitCode: exitCodes.NotFound, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'NotFound', fields: { file: 'DIR/absent.txt' }, retryable: false },
    });
  });

  it('come with a stack only when asked', async () => {
    expect((await run(['load', 'follows', 'absent.txt'])).stderr).not.toContain('    at ');
    expect((await run(['load', 'follows', 'absent.txt', '--verbose'])).stderr).toContain('    at ');
    expect((await run(['load', 'follows', 'absent.txt'], { ROOST_DEBUG: '1' })).stderr).toContain('    at ');
  });

  it('refuse a quickstart with a bad file before anything is started', async () => {
    writeFileSync(join(folder, 'bad.txt'), '1 2\n3\n');
    expect(await run(['quickstart', 'bad.txt', '--dir', 'cluster'])).toMatchObject({
      exitCode: exitCodes.InvalidArgument,
      stdout: '',
    });
    writeFileSync(join(folder, 'empty.txt'), '# nothing\n');
    expect((await run(['quickstart', 'empty.txt', '--dir', 'cluster'])).stderr).toContain('holds no edges');
  });
});
