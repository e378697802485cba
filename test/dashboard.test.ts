import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatedColumns } from '../bench/edgeColumns.js';
import { openFlock } from '../flock/index.js';
import type { Roost } from '../sdk/index.js';
import { axeViolations, chromiumPath, ifBrowser, startBrowser } from './browser.js';
import { callRoost } from './callRoost.js';
import { KillableCluster, patiently, untilApplied } from './support/killableCluster.js';

// Tests the dashboard as people see it: in a browser, of a server with databases that may be killed. If
// ROOST_TEST_SCREENSHOTS is set, the test renews the pictures of docs/images.

describe.skipIf(chromiumPath === undefined)(`the dashboard in a browser${ifBrowser}`, { timeout: 120_000 }, () => {
  let cluster: KillableCluster;
  let browser: Browser;
  let roost: Roost;
  let address: string;

  beforeAll(async () => {
    [browser, cluster] = await Promise.all([
      startBrowser(),
      KillableCluster.start({
        databaseHosts: 3,
        servers: 1,
        caches: 1,
        overrides: { nameServer: { hosts: ['db1'], reloadSeconds: 0.2 } },
        setUp: async (config) => {
          const flock = await openFlock(config, { create: true });
          await flock.createGraph('follows', { shards: 2, replicas: 2, hosts: ['db1', 'db2'] });
          await flock.close();
        },
      }),
    ]);
    address = `http://127.0.0.1:${cluster.servers[0]!.ready.admin.port}`;
    roost = await cluster.connect();
    await writeEdges(20_000);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await roost?.close();
    await cluster?.stop();
  }, 60_000);

  async function writeEdges(count: number): Promise<void> {
    const graph = await roost.graph('follows');
    const { sourceIds, destinationIds } = generatedColumns(count, 3);
    for (let start = 0; start < count; start += 500)
      await patiently(() =>
        graph.writeColumns({
          sourceIds: sourceIds.subarray(start, start + 500),
          destinationIds: destinationIds.subarray(start, start + 500),
        }),
      );
  }

  async function open(path = '/', options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1_100, height: 900 }, ...options });
    const page = await context.newPage();
    await page.goto(address + path);
    return page;
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (process.env['ROOST_TEST_SCREENSHOTS'] === undefined) return;
    await page.screenshot({
      path: join(import.meta.dirname, '../docs/images', `${name}.png`),
      clip: { x: 0, y: 0, width: 1_100, height: 640 },
    });
  }

  const sentence = (page: Page): Promise<string> => page.locator('.verdict .sentence').innerText();

  it('shows a healthy cluster, live, from this server alone', async () => {
    const elsewhere: string[] = [];
    const errors: string[] = [];
    const context = await browser.newContext({ viewport: { width: 1_100, height: 900 } });
    const page = await context.newPage();
    page.on('request', (request) => {
      if (!request.url().startsWith(address) && !request.url().startsWith('data:')) elsewhere.push(request.url());
    });
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(address);
    await page.getByText('live').waitFor();
    await expect.poll(() => sentence(page), { timeout: 20_000 }).toContain('Nothing is wrong.');
    // These rows were written when the test started.
    await expect.poll(() => page.locator('svg.grid rect').count(), { timeout: 20_000 }).toBeGreaterThan(10);
    await expect
      .poll(
        async () =>
          Number((await page.locator('tr', { hasText: 'db1' }).locator('td').nth(1).innerText()).replace(',', '')),
        {
          timeout: 20_000,
        },
      )
      .toBeGreaterThan(0);
    await picture(page, 'dashboard');
    expect(elsewhere).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  });

  it.each([
    ['light', 1_100],
    ['dark', 1_100],
    ['light', 360],
  ] as const)('has no fault that axe finds: %s, %i pixels wide', async (colorScheme, width) => {
    const page = await open('/', { colorScheme, viewport: { width, height: 800 } });
    await page.getByText('live').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    // Only tables, which scroll by themselves, are wider than the screen.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    if (colorScheme === 'dark') await picture(page, 'dashboard-dark');
    await page.context().close();
  });

  it('can be read without JavaScript', async () => {
    const page = await open('/', { javaScriptEnabled: false });
    expect(await page.locator('table').first().innerText()).toMatch(/db1.*up/s);
    expect(await page.getByText('as it was').count()).toBe(1);
    await page.context().close();
  });

  it('names the hottest trees, keys and methods on the command line', async () => {
    const writing = writeEdges(4_000);
    const top = await callRoost(['top', '--json', '--config', cluster.configPath], '.');
    await writing;
    expect(top).toMatchObject({ exitCode: 0, stderr: '' });
    const { servers, trees, keys, calls } = JSON.parse(top.stdout) as Record<string, Record<string, unknown>[]>;
    expect(servers).toBe(1);
    expect(trees![0]).toMatchObject({ root: expect.stringMatching(/^localhost\/follows_/) as string });
    // In the generated graph, low ids are followed most.
    expect(keys!.map(({ key }) => key)).toContain('1');
    expect(calls).toContainEqual(expect.objectContaining({ method: 'write_edges' }));
  });

  it.each([
    ['/topology?table=1', /follows.*localhost\/follows_forward_0000_root.*db1\/follows_forward_0000/s],
    ['/topology?table=1&key=7', /key 7 has the hash \d+, in the first tree below/],
    ['/shard?id=db1/follows_forward_0000', /flock.*accepted writes that it lacks\s*0/s],
    ['/jobs', /Oldest bad jobs of high priority/],
    ['/migrations', /There was none yet/],
    ['/changes', /create table 1 \(follows\)/],
    ['/windows', /tweets are not set up in this cluster: roost tweets setup does it/],
    ['/timelines', /roost timeline setup/],
  ])('has the page %s, with no fault that axe finds', async (path, text) => {
    const page = await open(path, { viewport: { width: 390, height: 800 } });
    expect(await page.locator('main').innerText()).toMatch(text);
    expect(await axeViolations(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.context().close();
  });

  it('refuses what does not exist with a page that says so', async () => {
    for (const [path, status] of [
      ['/shard?id=db1/none', 404],
      ['/topology?table=x', 400],
      ['/jobs?queue=other', 400],
    ] as const)
      expect((await fetch(address + path, { headers: { connection: 'close' } })).status).toBe(status);
  });

  /** Follows a link to an action, checks its plan, and clicks. Returns what the page says then. */
  async function act(page: Page, link: string, plan: RegExp): Promise<string> {
    await page.getByRole('link', { name: link, exact: true }).click();
    const main = page.locator('main');
    await expect.poll(() => main.innerText()).toMatch(plan);
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('main').getByRole('button').click();
    return page.getByRole('status').innerText();
  }

  it('pauses jobs and resumes them, after it has shown the plan and the command', async () => {
    const page = await open();
    const command = (name: string) => new RegExp(`jobs wait in it now.*roost job ${name} low`, 's');
    expect(await act(page, 'pause jobs of low priority', command('pause'))).toBe('Jobs of low priority are paused.');
    expect((await callRoost(['job', 'list', '--config', cluster.configPath], '.')).stdout).toMatch(/low .*paused/);
    await page.goto(address);
    expect(await act(page, 'resume jobs of low priority', command('resume'))).toBe('Jobs of low priority are resumed.');
    const { stdout } = await callRoost(['audit', 'list', '--config', cluster.configPath], '.');
    expect(stdout).toMatch(/the dashboard at 127\.0\.0\.1, dashboard on/);
    await page.context().close();
  });

  it('throttles migrations', async () => {
    const page = await open('/migrations');
    await page.getByLabel('Rows a second').fill('5000');
    await page.getByRole('button', { name: 'Throttle' }).click();
    expect(await page.locator('main').innerText()).toMatch(
      /Now: no bounds.*at most 5,000 rows.*roost migrations throttle --rows-per-second 5000/s,
    );
    await page.getByRole('main').getByRole('button').click();
    expect(await page.getByRole('status').innerText()).toMatch(/^Throttled: .* 5,000 rows/);
    await page.goto(`${address}/action?do=throttle`);
    expect(await page.locator('main').innerText()).toMatch(/Now: .* 5,000 rows.*roost migrations throttle --off/s);
    await page.getByRole('main').getByRole('button').click();
    expect(await page.getByRole('status').innerText()).toBe('Throttled: no bounds on all copies together.');
    await page.context().close();
  });

  it('shows within 3 s that a database host was killed, with the command to run, and that it is back', async () => {
    const page = await open();
    await expect.poll(() => sentence(page), { timeout: 20_000 }).toContain('Nothing is wrong.');
    const killing = cluster.playground.kill('db2');
    const startMs = performance.now();
    await page.getByText('Host db2 does not answer').waitFor({ timeout: 15_000 });
    expect(performance.now() - startMs).toBeLessThan(3_000);
    await killing;
    expect(await page.locator('.command code').innerText()).toBe('roost host drain db2');
    expect(await page.locator('tr', { hasText: 'db2' }).first().innerText()).toContain('no answer');
    expect(await axeViolations(page)).toEqual([]);
    await picture(page, 'dashboard-fault');
    await writeEdges(500);
    await page.getByRole('link', { name: 'retry failing jobs of high priority' }).waitFor({ timeout: 20_000 });
    expect(await act(page, 'retry failing jobs of high priority', /roost job retry high --queue failing/)).toMatch(
      /^[1-9]\d* jobs are tried again\.$/,
    );
    await page.goto(address);
    await cluster.playground.restart('db2');
    await expect.poll(() => sentence(page), { timeout: 30_000 }).toContain('Nothing is wrong.');
    await page.context().close();
  });

  it('shows a migration in each of its phases, and rolls it back', async () => {
    await untilApplied(roost);
    const config = ['--config', cluster.configPath];
    const page = await open();
    /** Records every state of migrations that the page shows, in order. */
    await page.evaluate(() => {
      const seen = new Set<string>();
      (globalThis as unknown as { seen: Set<string> }).seen = seen;
      const note = (): void => {
        for (const card of document.querySelectorAll('[data-migration]'))
          seen.add(`${card.getAttribute('data-phase')} ${card.getAttribute('data-state')}`);
      };
      new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    const started = await callRoost(['host', 'drain', 'db2', '--yes', '--max-rate', '6000', ...config], '.');
    expect(started.stderr).toBe('');
    await page.locator('[data-state=running]').first().waitFor({ timeout: 20_000 });
    expect(
      await page
        .locator('tr', { has: page.locator('[data-state=running]') })
        .first()
        .innerText(),
    ).toMatch(/not yet|under way/);
    await picture(page, 'dashboard-migrations');
    await expect
      .poll(() => page.locator('[data-state=settled]').count(), { timeout: 60_000, interval: 250 })
      .toBeGreaterThan(0);
    expect(
      await page
        .locator('tr', { has: page.locator('[data-state=settled]') })
        .first()
        .innerText(),
    ).toMatch(/settled.*yes.*roost migrations cleanup \d+/s);
    const seen = await page.evaluate(() => [...(globalThis as unknown as { seen: Set<string> }).seen]);
    expect(seen).toEqual(expect.arrayContaining([expect.stringContaining('copy'), 'cleanup settled']));
    const id = await page.locator('[data-state=settled]').first().getAttribute('data-migration');
    const plan = new RegExp(`is settled.*These go: .*roost migrations rollback ${id}`, 's');
    expect(await act(page, `roll back migration ${id}`, plan)).toBe(`Migration ${id} is rolled back.`);
    const shown = async (): Promise<string> => {
      await page.goto(`${address}/migrations?id=${id}`);
      return page.locator('#one').innerText();
    };
    await expect.poll(shown, { timeout: 60_000, interval: 500 }).toMatch(/rolledBack/);
    await page.context().close();
  });
});
