type Unit = 'ops' | 's' | 'percentunit' | 'short' | 'bytes' | 'bool';

interface Panel {
  readonly title: string;
  readonly unit: Unit;
  /** PromQL, each with how its series are called. */
  readonly series: readonly (readonly [expr: string, legend: string])[];
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const quantile = (q: number, metric: string, by: string): string =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${metric}_bucket[$__rate_interval])))`;

/** Ordered from what clients see down to what that depends on: start at the first row that looks wrong. */
const rows: readonly Row[] = [
  {
    title: 'Calls',
    panels: [
      {
        title: 'Calls by method',
        unit: 'ops',
        series: [['sum by (method) (rate(roost_rpc_calls_total[$__rate_interval]))', '{{method}}']],
      },
      {
        title: 'Calls that fail, by code',
        unit: 'ops',
        series: [['sum by (code) (rate(roost_rpc_calls_total{code!="OK"}[$__rate_interval]))', '{{code}}']],
      },
      {
        title: 'Latency, p50 and p99',
        unit: 's',
        series: [
          [quantile(0.5, 'roost_rpc_duration_seconds', 'method'), 'p50 {{method}}'],
          [quantile(0.99, 'roost_rpc_duration_seconds', 'method'), 'p99 {{method}}'],
        ],
      },
      {
        title: 'Requests in work and in line',
        unit: 'short',
        series: [
          ['sum by (service) (roost_rpc_in_flight)', 'in work {{service}}'],
          ['sum by (service) (roost_rpc_queued)', 'in line {{service}}'],
        ],
      },
    ],
  },
  {
    title: 'Journal',
    panels: [
      {
        title: 'Jobs not applied yet',
        unit: 'short',
        series: [['max by (priority, queue) (roost_jobs)', '{{priority}} {{queue}}']],
      },
      {
        title: 'Age of the oldest failing job, by host',
        unit: 's',
        series: [['max by (host) (roost_host_oldest_job_seconds)', '{{host}}']],
      },
      {
        title: 'Attempts at jobs, by how they end',
        unit: 'ops',
        series: [['sum by (outcome) (rate(roost_jobs_total[$__rate_interval]))', '{{outcome}}']],
      },
      {
        title: 'From accepted to applied, p99',
        unit: 's',
        series: [[quantile(0.99, 'roost_job_delay_seconds', 'priority'), '{{priority}}']],
      },
      {
        title: 'Lost if everything burns down now',
        unit: 's',
        series: [['max(roost_backup_loss_seconds)', 'accepted work']],
      },
    ],
  },
  {
    title: 'Database hosts',
    panels: [
      { title: 'Up', unit: 'bool', series: [['min by (host) (roost_host_up)', '{{host}}']] },
      {
        title: 'Statements',
        unit: 'ops',
        series: [['sum by (host) (rate(roost_sql_duration_seconds_count[$__rate_interval]))', '{{host}}']],
      },
      {
        title: 'Statement latency, p99',
        unit: 's',
        series: [[quantile(0.99, 'roost_sql_duration_seconds', 'host'), '{{host}}']],
      },
      {
        title: 'Connections in use, and callers that wait for one',
        unit: 'short',
        series: [
          ['sum by (host) (roost_sql_connections_in_use)', 'in use {{host}}'],
          ['sum by (host) (roost_sql_waiting)', 'waiting {{host}}'],
        ],
      },
    ],
  },
  {
    title: 'Caches and processes',
    panels: [
      {
        title: 'Hit rate, by cache',
        unit: 'percentunit',
        series: [
          [
            'sum by (cache) (rate(roost_cache_hits_total[$__rate_interval])) / (sum by (cache) (rate(roost_cache_hits_total[$__rate_interval])) + sum by (cache) (rate(roost_cache_misses_total[$__rate_interval])))',
            '{{cache}}',
          ],
        ],
      },
      {
        title: 'Event loop held up, p99',
        unit: 's',
        series: [['max by (instance) (roost_event_loop_delay_seconds{quantile="0.99"})', '{{instance}}']],
      },
      {
        title: 'Bytes held for requests',
        unit: 'bytes',
        series: [['sum by (instance) (roost_rpc_held_bytes)', '{{instance}}']],
      },
      {
        title: 'Version of the topology',
        unit: 'short',
        series: [['max by (instance) (roost_topology_version)', '{{instance}}']],
      },
    ],
  },
];

const height = 8;
const width = 6;

/** A dashboard to import into Grafana; it asks for the Prometheus data source. */
export const grafanaDashboard = (): object => ({
  title: 'Roost',
  uid: 'roost',
  tags: ['roost'],
  schemaVersion: 39,
  refresh: '10s',
  time: { from: 'now-1h', to: 'now' },
  templating: {
    list: [{ name: 'prometheus', label: 'Prometheus', type: 'datasource', query: 'prometheus' }],
  },
  panels: rows.flatMap(({ title, panels }, row) => {
    const y = row * (height + 1);
    return [
      { id: row * 100, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 }, panels: [] },
      ...panels.map((panel, column) => ({
        id: row * 100 + column + 1,
        type: 'timeseries',
        title: panel.title,
        datasource: { type: 'prometheus', uid: '${prometheus}' },
        gridPos: { x: column * width, y: y + 1, w: width, h: height },
        fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
        targets: panel.series.map(([expr, legendFormat], index) => ({
          refId: String.fromCharCode('A'.charCodeAt(0) + index),
          expr,
          legendFormat,
        })),
      })),
    ];
  }),
});
