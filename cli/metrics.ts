import type { Command } from 'commander';
import type { CliIo } from './console/cliIo.js';
import { type CommonOptions, defineCommand, defineGroup } from './console/command.js';
import { Output } from './console/output.js';
import { alertRulesOf } from './metrics/alertRules.js';
import { grafanaDashboard } from './metrics/grafanaDashboard.js';
import { prometheusRules } from './metrics/prometheusRules.js';

export function addMetricsCommands(program: Command, io: CliIo): void {
  const metrics = defineGroup(
    program,
    'metrics',
    'print alert rules for Prometheus and a dashboard for Grafana, of the metrics that this release has',
  );
  defineCommand(
    metrics,
    'alerts',
    'print the alert rules, a rule file of Prometheus\nPrometheus must scrape /metrics of every admin port as the job "roost". Each alert names the command to begin with and its page in docs/runbooks/.',
    'roost metrics alerts > /etc/prometheus/rules/roost.yml',
  ).action((options: CommonOptions) => {
    const alerts = alertRulesOf(io.stores);
    new Output(io, options.json === true).result({ alerts }, () => prometheusRules(alerts).trimEnd());
  });
  defineCommand(
    metrics,
    'dashboard',
    'print the dashboard, for the import of Grafana',
    'roost metrics dashboard > roost.dashboard.json',
  ).action((options: CommonOptions) => {
    new Output(io, options.json === true).result(grafanaDashboard(), () =>
      JSON.stringify(grafanaDashboard(), undefined, 2),
    );
  });
}
