import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { newToken } from '../access/index.js';
import { runCli } from '../cli/program.js';
import { serverReadySchema, type ServerReady } from '../cli/serverReady.js';
import { tlsOf, type RoostConfig } from '../process/index.js';
import { makeDevelopmentCertificates } from '../playground/index.js';
import { connect, type Roost } from '../sdk/index.js';
import { callRoost, recordedIo } from './callRoost.js';
import { freshCluster } from './support/index.js';

// East copies its writes to west. Each has an authority of its own; west wants certificates of clients, and a token.
const folder = mkdtempSync(join(tmpdir(), 'roost-remote-'));
const path = (name: string): string => join(folder, name);
const read = (file: string): string => readFileSync(file, 'utf8');
const replace = (file: string, text: string): void => {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
};
/** The authorities that a side trusts, and the token that east shows: replaced while servers run. */
const trusted = { east: path('east.trusted'), west: path('west.trusted') };
const tokenFile = path('token');
const tokens = { admin: newToken(), reader: newToken(), relay: newToken() };

const tlsFiles = (side: 'east' | 'west') => ({
  certFile: path(`${side}/server.pem`),
  keyFile: path(`${side}/server.key`),
  caFile: trusted[side],
  clientCaFile: trusted[side],
});
const fast = { jobs: { errorDelaySeconds: 0.1, errorLimit: 3 }, nameServer: { hosts: ['db1'], reloadSeconds: 0.1 } };
const east = freshCluster('sealed_east', { ...fast, tls: tlsFiles('east') });
const west = freshCluster('sealed_west', { ...fast, tls: tlsFiles('west'), access: { file: path('access.json') } });

interface Served {
  readonly ready: ServerReady;
  log(): string;
  stop(): Promise<void>;
}

/** Runs `roost serve` in this process. */
async function serve(configPath: string): Promise<Served> {
  const { io, written } = recordedIo(folder);
  const ending = new AbortController();
  const ended = runCli(['serve', '--json', '--config', configPath], { ...io, signal: ending.signal });
  await vi.waitFor(() => expect(written.stdout + written.stderr).toContain('\n'), { timeout: 20_000 });
  return {
    ready: serverReadySchema.parse(JSON.parse(written.stdout)),
    log: () => written.stderr,
    stop: async () => {
      ending.abort('SIGTERM');
      expect(await ended).toBe(0);
    },
  };
}

let a: Served;
let b: Served;
let writer: Roost;
let reader: Roost;

const eastConfig = (access: Partial<RoostConfig['access']>): void =>
  writeFileSync(east.configPath, JSON.stringify({ ...east.config, access: { ...east.config.access, ...access } }));
const openWriter = async (): Promise<Roost> =>
  connect({ servers: [`127.0.0.1:${a.ready.flock.port}`], tls: () => tlsOf(tlsFiles('east')) });
const roost = async (...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await callRoost([...args, '--config', east.configPath], folder);
  expect(`${exitCode} ${stderr}`).toBe('0 ');
  return stdout;
};
interface Backlog {
  readonly waiting: number;
  readonly refused: number;
  readonly lastError?: string;
}
const backlog = async (): Promise<Backlog> =>
  (JSON.parse(await roost('host', 'remotes', '--json')) as { clusters: Backlog[] }).clusters[0]!;
/** A change of the remote clusters ends the pause before the next attempt. */
const tryAgain = (): Promise<string> => roost('host', 'set-remote', 'west', '--status', 'normal', '--yes');

beforeAll(async () => {
  const hosts = ['127.0.0.1'];
  for (const side of ['east', 'west']) {
    await makeDevelopmentCertificates({ dir: path(side), hosts, clients: [], days: 1 });
    replace(trusted[side as 'east' | 'west'], read(path(`${side}/ca.pem`)));
  }
  const identity = ({ record }: ReturnType<typeof newToken>, role: string) => ({
    tokens: [record],
    grants: [{ roles: [role] }],
  });
  const identities = {
    admin: identity(tokens.admin, 'admin'),
    reader: identity(tokens.reader, 'read'),
    relay: { tokens: [tokens.relay.record], grants: [{ roles: ['write'], services: ['injector'] }] },
  };
  writeFileSync(path('access.json'), JSON.stringify({ identities }));
  for (const { configPath } of [east, west])
    await callRoost(['graph', 'create', 'follows', '--shards', '1', '--replicas', '1', '--config', configPath], folder);
  [a, b] = await Promise.all([serve(east.configPath), serve(west.configPath)]);
  await roost('host', 'add-remote', 'west', `127.0.0.1:${b.ready.injector.port}`);
  writer = await openWriter();
  reader = await connect({
    servers: [`127.0.0.1:${b.ready.flock.port}`],
    tls: () => tlsOf(tlsFiles('west')),
    token: tokens.reader.text,
  });
});
afterAll(async () => {
  await Promise.all([writer?.close(), reader?.close()]);
  await Promise.all([a?.stop(), b?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

it('keeps every write while certificates or the token are refused, says why, and sends all once they are right', async () => {
  const written: bigint[] = [];
  const trouble = async (why: RegExp): Promise<void> => {
    const id = BigInt(written.length + 1);
    await (await writer.graph('follows')).add(id, id);
    written.push(id);
    await tryAgain();
    await expect.poll(async () => (await backlog()).lastError, { timeout: 20_000 }).toMatch(why);
    expect(await backlog()).toMatchObject({ waiting: written.length, refused: 0 });
    expect(a.log()).toMatch(why);
  };

  await trouble(/certificate does not come from an authority that we trust/);
  replace(trusted.east, read(path('east/ca.pem')) + read(path('west/ca.pem')));
  await trouble(/certificates of clients, ours may not come from an authority that it trusts/);
  replace(trusted.west, read(path('west/ca.pem')) + read(path('east/ca.pem')));
  await trouble(/a token, a certificate or an allowed network is needed/);

  // The backlog outlives the server.
  eastConfig({ remoteTokenFile: tokenFile });
  await writer.close();
  await a.stop();
  a = await serve(east.configPath);
  writer = await openWriter();
  await trouble(/the token file .* cannot be read/);
  replace(tokenFile, newToken().text);
  await trouble(/the token is not known/);
  replace(tokenFile, tokens.reader.text);
  await trouble(/reader may not call inject_jobs/);
  const follows = await reader.graph('follows');
  for (const id of written) expect(await follows.contains(id, id)).toBe(false);

  replace(tokenFile, tokens.relay.text);
  await tryAgain();
  for (const id of written) await expect.poll(() => follows.contains(id, id), { timeout: 20_000 }).toBe(true);
  await expect.poll(backlog, { timeout: 20_000 }).toEqual({ cluster: 'west', waiting: 0, refused: 0 });
}, 120_000);
