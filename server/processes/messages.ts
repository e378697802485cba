/** The ports of a server, by the name of their service. */
export type Ports = Readonly<Record<string, number>>;

/** Open connections, by identity. */
export type ConnectionCounts = Readonly<Record<string, number>>;

/** A metric as prom-client writes it as JSON. */
export type MetricJson = Readonly<{ name: string; type: unknown }>;

/** How a process is, for the admin pages. */
export interface ProcessState {
  readonly info: object;
  /** Why it cannot do its work; undefined where it can. */
  readonly notReady: string | undefined;
  readonly notes: readonly string[];
}

/** What the parent may ask a process, and what the answer is. */
export interface ProcessAnswers {
  readonly metrics: readonly MetricJson[];
  readonly state: ProcessState;
  /** Has looked for a newer topology. */
  readonly reload: true;
}
export type Question = keyof ProcessAnswers;

type Answer = { readonly kind: 'answer'; readonly id: number } & (
  { readonly value: unknown } | { readonly error: string }
);

/** From the parent to one of its processes. */
export type ToProcess =
  | { readonly kind: 'begin'; readonly processes: number; readonly ports: Ports }
  /** Comes with a socket. Absent there: the client has gone. */
  | { readonly kind: 'connection'; readonly port: string }
  | { readonly kind: 'ask'; readonly id: number; readonly what: Question }
  /** The connections of identities in the other processes. */
  | { readonly kind: 'elsewhere'; readonly connections: ConnectionCounts }
  /** All other processes have reloaded, or did not answer. */
  | { readonly kind: 'reloaded'; readonly id: number; readonly error: string | undefined }
  /** A process has ended whose jobs went by this name. */
  | { readonly kind: 'gone'; readonly worker: string }
  | { readonly kind: 'stop' };

/** From a process to the parent. */
export type ToParent =
  | { readonly kind: 'hello' }
  /** Takes connections, and jobs by this name. */
  | { readonly kind: 'ready'; readonly worker: string }
  /** Takes no more connections. */
  | { readonly kind: 'leaving' }
  /** What became of the connection that came last. */
  | { readonly kind: 'taken' | 'refused' }
  | { readonly kind: 'closed'; readonly port: string }
  | { readonly kind: 'connections'; readonly connections: ConnectionCounts }
  | { readonly kind: 'reloadOthers'; readonly id: number }
  /** The last counts of a process that ends. */
  | { readonly kind: 'lastMetrics'; readonly metrics: readonly MetricJson[] }
  | Answer;
