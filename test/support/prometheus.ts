import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../playground/ports.js';
import { patiently } from './killableCluster.js';

/** Whether Debian's prometheus is installed. */
export const hasPrometheus = spawnSync('prometheus', ['--version']).error === undefined;

/** A Prometheus of a test's own, which looks at its targets every five seconds, and at its rules every second. */
export class Prometheus {
  #child: ChildProcess | undefined;

  private constructor(
    private readonly dir: string,
    private readonly port: number,
  ) {}

  /** @param rules a rule file */
  static async start(rules: string, job: string): Promise<Prometheus> {
    const [port] = await freePorts(1);
    const prometheus = new Prometheus(mkdtempSync(join(tmpdir(), 'roost-prometheus-')), port!);
    try {
      await prometheus.#start(rules, job);
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
    return prometheus;
  }

  /** The admin ports that it scrapes from now on. */
  scrape(ports: readonly number[]): void {
    const targets = ports.map((port) => `127.0.0.1:${port}`);
    writeFileSync(join(this.dir, 'targets.json'), JSON.stringify([{ targets }]));
  }

  /** The names of the alerts that fire. */
  async firing(): Promise<string[]> {
    const { alerts } = await this.#ask<{ alerts: { labels: Record<string, string>; state: string }[] }>('alerts');
    return [...new Set(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname']!))];
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #start(rules: string, job: string): Promise<void> {
    this.scrape([]);
    writeFileSync(join(this.dir, 'rules.yml'), rules);
    writeFileSync(
      join(this.dir, 'prometheus.yml'),
      JSON.stringify({
        global: { scrape_interval: '5s', scrape_timeout: '5s', evaluation_interval: '1s' },
        rule_files: ['rules.yml'],
        scrape_configs: [{ job_name: job, file_sd_configs: [{ files: ['targets.json'], refresh_interval: '1s' }] }],
      }),
    );
    this.#child = spawn(
      'prometheus',
      [
        `--config.file=${join(this.dir, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(this.dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${this.port}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    await patiently(() => this.#ask('status/runtimeinfo'));
  }

  async #ask<T>(path: string): Promise<T> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1/${path}`, { headers: { connection: 'close' } });
    if (!answer.ok) throw new Error(`Prometheus answers ${answer.status}`);
    return ((await answer.json()) as { data: T }).data;
  }
}
