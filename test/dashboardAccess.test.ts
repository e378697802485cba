import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newToken, type AccessRulesInput } from '../access/index.js';
import { openCluster, serveCluster, type Cluster, type ServedCluster } from '../cluster/index.js';
import { Dashboard } from '../dashboard/index.js';
import { usersStore } from '../users/index.js';
import { chromiumPath, ifBrowser, startBrowser } from './browser.js';
import { freshCluster } from './support/index.js';

// Tests who may see the dashboard when roles are on.

const folder = mkdtempSync(join(tmpdir(), 'roost-dashboard-'));
const file = join(folder, 'access.json');
const [reader, stranger, admin] = [newToken(), newToken(), newToken()];
const write = (identities: AccessRulesInput['identities']): void => writeFileSync(file, JSON.stringify({ identities }));
const grants: { roles: 'read'[]; services: string[] }[] = [{ roles: ['read'], services: ['metrics'] }];
const rules = (tokens: 'kept' | 'revoked'): AccessRulesInput['identities'] => ({
  reader: { tokens: tokens === 'kept' ? [reader.record] : [], grants },
  admin: { tokens: [admin.record], grants: [{ roles: ['admin'] }] },
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

const pauseLow = '/action?do=pause-jobs&priority=low';
const seenIn = (html: string): string => /name="seen" value="([^"]+)"/.exec(html)?.[1] ?? '';
const cookieOf = (answer: Response): string => (answer.headers.get('set-cookie') ?? '').split(';')[0]!;
const post = (cookie: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  ask('/action', { method: 'POST', body: new URLSearchParams(fields), headers: { cookie, ...headers } });

it('shows the plan of an action to readers, and asks for a token with the role admin', async () => {
  const cookie = cookieOf(await signIn(reader.text));
  const html = await (await ask(pauseLow, { headers: { cookie } })).text();
  expect(html).toContain('roost job pause low');
  expect(html).toContain('reader may not call an action of the dashboard: it needs the role admin on manager');
  expect(html).not.toContain('action="/action"');
  const asked = { do: 'pause-jobs', priority: 'low', seen: seenIn(html) };
  expect((await post(cookie, asked)).status).toBe(403);
  expect((await post('', asked)).status).toBe(401);
  expect(cluster.gizzard.topology.state.pausedPriorities).toEqual([]);
});

it('comes back to the plan after signing in, and carries out what was shown there', async () => {
  const signedIn = (to: string): Promise<Response> =>
    ask('/sign-in', { method: 'POST', body: new URLSearchParams({ token: admin.text, to }) });
  for (const elsewhere of ['https://elsewhere.example', '//elsewhere.example', '/action?x=1\r\nset-cookie: a=b'])
    expect((await signedIn(elsewhere)).headers.get('location')).toBe('/');
  const answer = await signedIn(pauseLow);
  expect(answer.headers.get('location')).toBe(pauseLow);
  const cookie = cookieOf(answer);
  const html = await (await ask(pauseLow, { headers: { cookie } })).text();
  const asked = { do: 'pause-jobs', priority: 'low', seen: seenIn(html) };
  expect((await post(cookie, asked, { origin: 'https://elsewhere.example' })).status).toBe(403);
  expect((await post(cookie, { ...asked, priority: 'high' })).status).toBe(409);
  expect((await post(cookie, { ...asked, seen: '' })).status).toBe(409);
  expect(cluster.gizzard.topology.state.pausedPriorities).toEqual([]);
  const done = await post(cookie, asked);
  expect(await done.text()).toContain('Jobs of low priority are paused.');
  expect(cluster.gizzard.topology.state.pausedPriorities).toEqual(['low']);
  const [change] = await cluster.gizzard.nameServer.audit({ count: 1 });
  expect(change!.by).toMatch(/^admin at 127\.0\.0\.1, dashboard on /);
});

it('does nothing if things have changed since the plan was shown', async () => {
  const cookie = cookieOf(await signIn(admin.text));
  const throttle = '/action?do=throttle&rows=500';
  const shown = await (await ask(throttle, { headers: { cookie } })).text();
  await cluster.gizzard.migrations.setThrottle({ rowsPerSecond: 7_000, between: [] });
  const refused = await post(cookie, { do: 'throttle', rows: '500', seen: seenIn(shown) });
  expect(refused.status).toBe(409);
  const now = await refused.text();
  expect(now).toContain('things have changed');
  expect(now).toContain('7,000 rows/s');
  expect((await cluster.gizzard.migrations.throttle()).rowsPerSecond).toBe(7_000);
  expect((await post(cookie, { do: 'throttle', rows: '500', seen: seenIn(now) })).status).toBe(200);
  expect((await cluster.gizzard.migrations.throttle()).rowsPerSecond).toBe(500);
});

it.skipIf(chromiumPath === undefined)(
  `lets people sign in and act in a browser${ifBrowser}`,
  async () => {
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      const address = `http://127.0.0.1:${served.admin.port}`;
      await page.goto(address);
      await page.getByLabel('Token').fill(reader.text);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      await page.goto(`${address}/action?do=pause-jobs&priority=medium`);
      await page.getByText('it needs the role admin on manager').waitFor();
      await page.getByLabel('Token').fill(admin.text);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: 'Pause jobs of medium priority' }).click();
      expect(await page.getByRole('status').innerText()).toBe('Jobs of medium priority are paused.');
    } finally {
      await browser.close();
    }
  },
  60_000,
);

it('refuses actions that there are not', async () => {
  const cookie = cookieOf(await signIn(admin.text));
  for (const [path, status] of [
    ['/action?do=drop-all', 404],
    ['/action', 404],
    ['/action?do=toString', 404],
    ['/action?do=pause-jobs&priority=none', 400],
    ['/action?do=roll-back&id=1', 404],
  ] as const)
    expect((await ask(path, { headers: { cookie } })).status, path).toBe(status);
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
