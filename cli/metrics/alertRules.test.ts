import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stores } from '../stores.js';
import { alertRulesOf } from './alertRules.js';
import { prometheusRules } from './prometheusRules.js';

const alertRules = alertRulesOf(stores);
const runbooks = join(import.meta.dirname, '..', '..', 'docs', 'runbooks');
const folder = mkdtempSync(join(tmpdir(), 'roost-alerts-'));
const promtool = spawnSync('promtool', ['--version']).error === undefined;
if (!promtool) console.warn('promtool (package prometheus) is not installed: the alert rules are not run');

afterAll(() => rmSync(folder, { recursive: true }));

describe('alert rules', () => {
  it.each(alertRules.map((rule) => [rule.name, rule] as const))('%s leads to a page that names it', (name, rule) => {
    const page = join(runbooks, `${rule.runbook}.md`);
    expect(existsSync(page)).toBe(true);
    expect(readFileSync(page, 'utf8')).toContain(`\`${name}\``);
  });

  it('each have a test case', () => {
    expect(Object.keys(cases).sort()).toEqual(alertRules.map(({ name }) => name).sort());
  });

  it.skipIf(!promtool)('fire while the condition holds, and end after it', { timeout: 120_000 }, () => {
    const promtoolSays = (...args: string[]): string =>
      execFileSync('promtool', args, { cwd: folder, encoding: 'utf8' });
    writeFileSync(join(folder, 'rules.yml'), prometheusRules(alertRules));
    expect(promtoolSays('check', 'rules', 'rules.yml')).toContain(`${alertRules.length} rules found`);
    // Texts hold values, which are not what this is about.
    writeFileSync(
      join(folder, 'rules.yml'),
      prometheusRules(alertRules).replace(/^ +annotations:\n(?: {10}.*\n)+/gm, ''),
    );
    writeFileSync(join(folder, 'tests.json'), JSON.stringify(testFile()));
    expect(promtoolSays('test', 'rules', 'tests.json')).toContain('SUCCESS');
  });
});

/** Series of promtool at one sample a minute: half an hour of trouble, from the start, and then none for an hour. */
const gauge = (bad: number, good: number): string => `${bad}x30 ${good}x90`;
/** Counts up during the trouble only. */
const counts = (step: number): string => `0+${step}x30 ${step * 30}x90`;
const steady = (step: number): string => `0+${step}x120`;

interface Case {
  readonly series: Readonly<Record<string, string>>;
  /** The labels that the alert then has, besides its severity. */
  readonly labels: Readonly<Record<string, string>>;
}

const instance = { instance: 'a:9990' };
const cases: Readonly<Record<string, Case>> = {
  RoostServerDown: {
    series: { 'up{job="roost",instance="a:9990"}': gauge(0, 1) },
    labels: { job: 'roost', ...instance },
  },
  RoostDatabaseHostDown: {
    series: {
      'roost_host_up{host="db1",instance="a:9990"}': gauge(0, 1),
      'roost_host_up{host="db1",instance="b:9990"}': gauge(0, 1),
    },
    labels: { host: 'db1' },
  },
  RoostDatabaseHostUnreachableFromSome: {
    series: {
      'roost_host_up{host="db1",instance="a:9990"}': gauge(0, 1),
      'roost_host_up{host="db1",instance="b:9990"}': gauge(1, 1),
    },
    labels: { host: 'db1' },
  },
  RoostWritesWait: { series: { 'roost_host_oldest_job_seconds{host="db1"}': gauge(600, 0) }, labels: { host: 'db1' } },
  RoostJournalDown: { series: { roost_journal_up: gauge(0, 1) }, labels: {} },
  RoostServerRefusesWrites: {
    series: { 'roost_journal_refuses{reason="epoch",instance="a:9990"}': gauge(1, 0) },
    labels: { reason: 'epoch', ...instance },
  },
  RoostClockWrong: {
    series: { 'roost_clock_skew_seconds{clock="redis",instance="a:9990"}': gauge(-90, 0) },
    labels: { clock: 'redis', ...instance },
  },
  RoostClocksApart: { series: { roost_clocks_apart: gauge(1, 0) }, labels: {} },
  RoostBackupBehind: { series: { roost_backup_loss_seconds: gauge(600, 0) }, labels: {} },
  RoostBackupGap: { series: { roost_backup_gap: gauge(1, 0) }, labels: {} },
  RoostBadJobs: {
    series: { 'roost_jobs{queue="bad",priority="high"}': gauge(3, 0) },
    labels: { priority: 'high' },
  },
  RoostUnknownJobs: {
    series: { 'roost_jobs_unknown{kind="edges",version="9",priority="high"}': gauge(3, 0) },
    labels: { kind: 'edges', version: '9' },
  },
  RoostCallsRefused: {
    series: {
      'roost_rpc_calls_total{code="OK",method="contains"}': steady(600),
      'roost_rpc_calls_total{code="Overloaded",method="contains"}': counts(60),
    },
    labels: {},
  },
  RoostCallsFail: {
    series: {
      'roost_rpc_calls_total{code="OK",method="contains"}': steady(600),
      'roost_rpc_calls_total{code="Unavailable",method="contains"}': counts(60),
    },
    labels: {},
  },
  RoostFault: {
    series: {
      'roost_rpc_faults_total{instance="a:9990"}': counts(1),
      'roost_unhandled_rejections_total{instance="a:9990"}': steady(0),
    },
    labels: instance,
  },
  RoostCallsSlow: {
    series: {
      'roost_rpc_duration_seconds_bucket{le="0.5"}': '0+0x30 0+600x90',
      'roost_rpc_duration_seconds_bucket{le="1"}': '0+600x30 18000+600x90',
      'roost_rpc_duration_seconds_bucket{le="+Inf"}': '0+600x30 18000+600x90',
    },
    labels: {},
  },
  RoostEventLoopHeld: {
    series: { 'roost_event_loop_delay_seconds{quantile="0.99",instance="a:9990"}': gauge(0.4, 0) },
    labels: instance,
  },
  RoostConnectionsExhausted: { series: { 'roost_sql_waiting{host="db1"}': gauge(5, 0) }, labels: { host: 'db1' } },
  RoostTopologyStale: { series: { 'roost_topology_stale{instance="a:9990"}': gauge(1, 0) }, labels: instance },
  RoostNameServersDiffer: {
    series: {
      'roost_name_server_version{host="db1"}': gauge(7, 7),
      'roost_name_server_version{host="db2"}': gauge(-1, 7),
    },
    labels: {},
  },
  RoostCacheNodesOut: { series: { 'roost_cache_ejections_total{pool="main"}': counts(1) }, labels: { pool: 'main' } },
  RoostRemoteJobsFail: {
    series: { 'roost_remote_jobs_total{cluster="west",outcome="failed"}': counts(6) },
    labels: { cluster: 'west' },
  },
  // Its condition is to hold for a day.
  RoostTweetWindowsHeldBack: { series: { roost_tweet_windows_held_back: '3x1500 0x90' }, labels: {} },
};

function testFile(): object {
  return {
    rule_files: ['rules.yml'],
    evaluation_interval: '1m',
    tests: alertRules.map((rule) => {
      const { series, labels } = cases[rule.name]!;
      const slow = rule.forSeconds > 3_600;
      return {
        interval: '1m',
        name: rule.name,
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [
          { eval_time: slow ? '1490m' : '25m', exp_alerts: [{ exp_labels: { severity: rule.severity, ...labels } }] },
          { eval_time: slow ? '1520m' : '60m', exp_alerts: [] },
        ].map((at) => ({ ...at, alertname: rule.name })),
      };
    }),
  };
}
