import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newToken, type AccessRulesInput } from '../access/index.js';
import { openCluster, serveCluster, type Cluster, type ServedCluster } from '../cluster/index.js';
import { Dashboard } from '../dashboard/index.js';
import { usersStore } from '../users/index.js';
import { freshCluster } from './support/index.js';

// Tests who may see the dashboard when roles are on.

const folder = mkdtempSync(join(tmpdir(), 'roost-dashboard-'));
const file = join(folder, 'access.json');
const [reader, stranger] = [newToken(), newToken()];
const write = (identities: AccessRulesInput['identities']): void => writeFileSync(file, JSON.stringify({ identities }));
const grants: { roles: 'read'[]; services: string[] }[] = [{ roles: ['read'], services: ['metrics'] }];
const rules = (tokens: 'kept' | 'revoked'): AccessRulesInput['identities'] => ({
  reader: { tokens: tokens === 'kept' ? [reader.record] : [], grants },
  stranger: { tokens: [stranger.record], grants: [{ roles: ['read'], services: ['users'] }] },
});
write(rules('kept'));

const { config } = freshCluster('dashboard', { access: { file } });
let cluster: Cluster;
let dashboard: Dashboard;
let served: ServedCluster;

beforeAll(async () => {
  cluster = await openCluster(config, [usersStore], { work: true, create: true });
  dashboard = new Dashboard(cluster, 'test');
  served = await serveCluster(cluster, { version: 'test', site: dashboard });
});

afterAll(async () => {
  await served.close();
  await dashboard.stop();
  await cluster.close();
  rmSync(folder, { recursive: true });
});

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${served.admin.port}${path}`, {
    redirect: 'manual',
    ...init,
    headers: { connection: 'close', ...init.headers },
  });
const signIn = (token: string, headers: Record<string, string> = {}): Promise<Response> =>
  ask('/sign-in', { method: 'POST', body: new URLSearchParams({ token }), headers });

it('asks for a token, and tells nothing before', async () => {
  for (const path of ['/', '/state', '/live']) {
    const answer = await ask(path);
    expect(answer.status).toBe(401);
    const text = await answer.text();
    expect(text).toContain('action="/sign-in"');
    expect(text).not.toContain('db1');
    expect(text).not.toContain(config.cluster);
  }
});

it('lets a browser in by a form, with a cookie that is not the token, and out again', async () => {
  const answer = await signIn(reader.text);
  expect(answer.status).toBe(303);
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
  expect(cookie).not.toContain(reader.text);
  const page = await ask('/', { headers: { cookie } });
  expect(page.status).toBe(200);
  const html = await page.text();
  expect(html).toMatch(/<th scope="row">db1<\/th>/);
  expect(html).toContain('Sign out');
  expect((await ask('/sign-out', { method: 'POST', headers: { cookie } })).status).toBe(303);
  expect((await ask('/', { headers: { cookie } })).status).toBe(401);
});

it('refuses tokens that are wrong or have no role here, and forms of other sites', async () => {
  expect((await signIn('roost_no_such')).status).toBe(401);
  expect((await signIn(stranger.text)).status).toBe(403);
  expect((await signIn(reader.text, { origin: 'https://elsewhere.example' })).status).toBe(403);
  expect((await signIn('x'.repeat(10_000))).status).toBe(400);
});

it('takes a bearer token as the pages for machines do', async () => {
  const state = await ask('/state', { headers: { authorization: `Bearer ${reader.text}` } });
  expect(state.status).toBe(200);
  expect(await state.json()).toMatchObject({ cluster: config.cluster, hosts: expect.arrayContaining([]) as unknown });
});

it('ends the stream of a page whose token is revoked', async () => {
  const answer = await signIn(reader.text);
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
  const live = await ask('/live', { headers: { cookie } });
  expect(live.headers.get('content-type')).toBe('text/event-stream');
  const stream = live.body!.getReader();
  expect(new TextDecoder().decode((await stream.read()).value)).toContain('event: state');
  write(rules('revoked'));
  const ended = async (): Promise<boolean> => {
    for (;;) {
      const { done } = await stream.read().catch(() => ({ done: true }));
      if (done) return true;
    }
  };
  expect(await ended()).toBe(true);
  expect((await ask('/', { headers: { cookie } })).status).toBe(401);
}, 20_000);
