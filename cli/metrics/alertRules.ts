/** A condition that an operator must act on. */
export interface AlertRule {
  readonly name: string;
  /** PromQL. True for a series wherever it has a value. */
  readonly expr: string;
  /** The condition holds this long before the alert fires. */
  readonly forSeconds: number;
  /** `page`: clients fail, or data is at risk. `ticket`: an operator acts within the day. */
  readonly severity: 'page' | 'ticket';
  /** One sentence, with the series' labels as Prometheus template variables. */
  readonly summary: string;
  /** The first command to run. */
  readonly look: string;
  /** The page of docs/runbooks/ that says what to do, without its ending. */
  readonly runbook: string;
}

/** Prometheus scrapes the admin port of every server as this job. */
export const scrapeJob = 'roost';

export const alertRules: readonly AlertRule[] = [
  {
    name: 'RoostServerDown',
    expr: `up{job="${scrapeJob}"} == 0`,
    forSeconds: 60,
    severity: 'page',
    summary: 'The server {{ $labels.instance }} does not answer on its admin port.',
    look: 'roost ping',
    runbook: 'server-down',
  },
  {
    name: 'RoostDatabaseHostDown',
    expr: 'max by (host) (roost_host_up) == 0',
    forSeconds: 60,
    severity: 'page',
    summary:
      'No server reaches the database host {{ $labels.host }}. Its writes wait in the journal; reads go to other replicas.',
    look: 'roost doctor',
    runbook: 'database-host-down',
  },
  {
    name: 'RoostDatabaseHostUnreachableFromSome',
    expr: 'min by (host) (roost_host_up) == 0 unless max by (host) (roost_host_up) == 0',
    forSeconds: 300,
    severity: 'ticket',
    summary: 'Some servers do not reach the database host {{ $labels.host }}, others do.',
    look: 'roost host check {{ $labels.host }}',
    runbook: 'database-host-down',
  },
  {
    name: 'RoostWritesWait',
    expr: 'max by (host) (roost_host_oldest_job_seconds) > 300',
    forSeconds: 60,
    severity: 'page',
    summary:
      'Writes to {{ $labels.host }} have failed for {{ $value | humanizeDuration }} and are tried again. Its replicas lack them.',
    look: 'roost job show high --queue failing',
    runbook: 'database-host-down',
  },
  {
    name: 'RoostJournalDown',
    expr: 'max(roost_journal_up) == 0',
    forSeconds: 15,
    severity: 'page',
    summary: "The journal's Redis does not answer: every write fails.",
    look: 'roost journal status',
    runbook: 'journal-down',
  },
  {
    name: 'RoostServerRefusesWrites',
    expr: 'max by (instance, reason) (roost_journal_refuses) == 1',
    forSeconds: 30,
    severity: 'page',
    summary: 'The server {{ $labels.instance }} accepts no writes: {{ $labels.reason }}.',
    look: 'roost journal status',
    runbook: 'journal-down',
  },
  {
    name: 'RoostClockWrong',
    expr: 'max by (instance, clock) (abs(roost_clock_skew_seconds)) > 1',
    forSeconds: 60,
    severity: 'ticket',
    summary:
      'The clock {{ $labels.clock }} and that of the server {{ $labels.instance }} differ by {{ $value | humanizeDuration }}.',
    look: 'roost doctor',
    runbook: 'clock-wrong',
  },
  {
    name: 'RoostClocksApart',
    expr: 'max(roost_clocks_apart) == 1',
    forSeconds: 300,
    severity: 'ticket',
    summary:
      "The clocks of the journal's Redis and of the name server's database differ: no window of tweets is dropped.",
    look: 'roost doctor',
    runbook: 'clock-wrong',
  },
  {
    name: 'RoostBadJobs',
    expr: 'max by (host) (roost_host_bad_jobs) > 0',
    forSeconds: 60,
    severity: 'ticket',
    summary: '{{ $value }} jobs were given up on {{ $labels.host }}: its replicas lack these writes.',
    look: 'roost job show high --queue bad',
    runbook: 'jobs-given-up',
  },
  {
    name: 'RoostUnknownJobs',
    expr: 'max by (kind, version) (roost_jobs_unknown) > 0',
    forSeconds: 300,
    severity: 'ticket',
    summary: 'Jobs of kind {{ $labels.kind }}, version {{ $labels.version }}, wait for a server that knows them.',
    look: 'roost job list',
    runbook: 'jobs-given-up',
  },
  {
    name: 'RoostCallsRefused',
    expr: 'sum(rate(roost_rpc_calls_total{code="Overloaded"}[5m])) / sum(rate(roost_rpc_calls_total[5m])) > 0.01',
    forSeconds: 120,
    severity: 'page',
    summary: '{{ $value | humanizePercentage }} of the calls are refused because a queue is full.',
    look: 'roost job list',
    runbook: 'overloaded',
  },
  {
    name: 'RoostCallsFail',
    expr: 'sum(rate(roost_rpc_calls_total{code=~"Unavailable|DeadlineExceeded"}[5m])) / sum(rate(roost_rpc_calls_total[5m])) > 0.01',
    forSeconds: 120,
    severity: 'page',
    summary: '{{ $value | humanizePercentage }} of the calls fail or come too late.',
    look: 'roost doctor',
    runbook: 'calls-fail',
  },
  {
    name: 'RoostFault',
    expr: 'sum by (instance) (increase(roost_rpc_calls_total{code="Internal"}[10m])) + on (instance) sum by (instance) (increase(roost_unhandled_rejections_total[10m])) > 0',
    forSeconds: 0,
    severity: 'ticket',
    summary: 'The server {{ $labels.instance }} met a fault in Roost itself. Its log has the stack.',
    look: 'roost report',
    runbook: 'calls-fail',
  },
  {
    name: 'RoostCallsSlow',
    expr: 'histogram_quantile(0.99, sum by (le) (rate(roost_rpc_duration_seconds_bucket[5m]))) > 0.5',
    forSeconds: 300,
    severity: 'ticket',
    summary: 'One call in a hundred takes more than {{ $value | humanizeDuration }}.',
    look: 'roost doctor',
    runbook: 'calls-fail',
  },
  {
    name: 'RoostEventLoopHeld',
    expr: 'max by (instance) (roost_event_loop_delay_seconds{quantile="0.99"}) > 0.1',
    forSeconds: 300,
    severity: 'ticket',
    summary:
      'The server {{ $labels.instance }} is out of CPU: its event loop is held up for {{ $value | humanizeDuration }}.',
    look: 'roost ping',
    runbook: 'overloaded',
  },
  {
    name: 'RoostConnectionsExhausted',
    expr: 'min_over_time((max by (host) (roost_sql_waiting))[5m:30s]) > 0',
    forSeconds: 0,
    severity: 'ticket',
    summary: 'Statements have waited for a connection to {{ $labels.host }} for five minutes.',
    look: 'roost host list',
    runbook: 'overloaded',
  },
  {
    name: 'RoostTopologyStale',
    expr: 'max by (instance) (roost_topology_stale) == 1',
    forSeconds: 120,
    severity: 'ticket',
    summary: 'The server {{ $labels.instance }} cannot look for a newer topology, and routes by the one that it has.',
    look: 'roost nameserver status',
    runbook: 'name-server',
  },
  {
    name: 'RoostNameServersDiffer',
    expr: 'max(max by (host) (roost_name_server_version)) - min(max by (host) (roost_name_server_version)) > 0',
    forSeconds: 120,
    severity: 'ticket',
    summary: 'A replica of the name server is behind or away.',
    look: 'roost nameserver status',
    runbook: 'name-server',
  },
  {
    name: 'RoostCacheNodesOut',
    expr: 'sum by (pool) (increase(roost_cache_ejections_total[10m])) > 0',
    forSeconds: 0,
    severity: 'ticket',
    summary: 'Nodes of the cache pool {{ $labels.pool }} were put out: reads go to the databases meanwhile.',
    look: 'roost cache stats',
    runbook: 'cache-nodes',
  },
  {
    name: 'RoostRemoteJobsFail',
    expr: 'sum by (cluster) (rate(roost_remote_jobs_total{outcome="failed"}[5m])) > 0',
    forSeconds: 300,
    severity: 'ticket',
    summary: 'Writes do not reach the remote cluster {{ $labels.cluster }}. They wait in its backlog.',
    look: 'roost host remotes',
    runbook: 'remote-cluster',
  },
  {
    name: 'RoostTweetWindowsHeldBack',
    expr: 'max(roost_tweet_windows_held_back) > 0',
    forSeconds: 86_400,
    severity: 'ticket',
    summary: 'Windows of tweets past the retention have not been dropped for a day.',
    look: 'roost tweets roll',
    runbook: 'clock-wrong',
  },
  {
    name: 'RoostBackupBehind',
    expr: 'max(roost_backup_loss_seconds) > 60',
    forSeconds: 300,
    severity: 'page',
    summary:
      'Jobs of the last {{ $value | humanizeDuration }} are in no backup: nobody takes them to it, or not fast enough.',
    look: 'roost doctor',
    runbook: 'restore',
  },
  {
    name: 'RoostBackupGap',
    expr: 'max(roost_backup_gap) == 1',
    forSeconds: 0,
    severity: 'page',
    summary: 'Accepted jobs are in no backup, and never will be: a new dump is needed.',
    look: 'roost doctor',
    runbook: 'restore',
  },
];
