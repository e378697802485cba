/** The ports of a server, by the name of their service. */
export type Ports = Readonly<Record<string, number>>;

/** Open connections, by identity. */
export type ConnectionCounts = Readonly<Record<string, number>>;

/** A metric in prom-client's JSON form. */
export type MetricJson = Readonly<{ name: string; type: unknown }>;

/** The state of a process, for the admin pages. */
export interface ProcessState {
  readonly info: object;
  /** Why it is not ready, as a sentence; undefined if it is ready. */
  readonly notReady: string | undefined;
  readonly notes: readonly string[];
}

/** Questions of the parent to a process, with their answers. */
export interface ProcessAnswers {
  readonly metrics: readonly MetricJson[];
  readonly state: ProcessState;
  /** True after a look for a newer topology. */
  readonly reload: true;
}
export type Question = keyof ProcessAnswers;

type Answer = { readonly kind: 'answer'; readonly id: number } & (
  { readonly value: unknown } | { readonly error: string }
);

/** Messages from the parent to a process. */
export type ToProcess =
  | { readonly kind: 'begin'; readonly processes: number; readonly ports: Ports }
  /** Carries a socket; without one, the client has disconnected. */
  | { readonly kind: 'connection'; readonly port: string }
  | { readonly kind: 'ask'; readonly id: number; readonly what: Question }
  /** The open connections in all other processes, by identity. */
  | { readonly kind: 'elsewhere'; readonly connections: ConnectionCounts }
  /** Answers `reloadOthers`; `error` if a process did not reload. */
  | { readonly kind: 'reloaded'; readonly id: number; readonly error: string | undefined }
  /** A process has ended; `worker` was its consumer name, whose jobs are to be taken over. */
  | { readonly kind: 'gone'; readonly worker: string }
  | { readonly kind: 'stop' };

/** Messages from a process to the parent. */
export type ToParent =
  | { readonly kind: 'hello' }
  /** The process takes connections, and jobs under this consumer name. */
  | { readonly kind: 'ready'; readonly worker: string }
  /** The process takes no more connections. */
  | { readonly kind: 'leaving' }
  /** Answers the last `connection`. */
  | { readonly kind: 'taken' | 'refused' }
  | { readonly kind: 'closed'; readonly port: string }
  | { readonly kind: 'connections'; readonly connections: ConnectionCounts }
  | { readonly kind: 'reloadOthers'; readonly id: number }
  /** The final metrics of a process that ends. */
  | { readonly kind: 'lastMetrics'; readonly metrics: readonly MetricJson[] }
  | Answer;
