import { z } from 'zod';
import { RoostError } from '../../core/index.js';

const minuteMs = 60_000;
const dayMs = 86_400_000;

const hosts = z.array(z.string().min(1)).min(1).max(1_024);

const schema = z.strictObject({
  /** How long a window is, in milliseconds. Never changes once there are windows. */
  windowMs: z
    .int()
    .min(1_000)
    .max(366 * dayMs)
    .multipleOf(1_000),
  /** Tables that the tweets of a window are spread over. */
  stripes: z.int().min(1).max(256),
  /** Copies of each stripe, each on another host. */
  replicas: z.int().min(1).max(32),
  /** How long before its beginning a window is made. */
  aheadMs: z
    .int()
    .min(1_000)
    .max(31 * dayMs),
  /** How long tweets are kept after their window's end; null: for ever. */
  retentionMs: z.int().min(minuteMs).nullable(),
  /** Database hosts of windows that are open or ahead. */
  openHosts: hosts,
  /** Database hosts of windows that are over: they move there, with what is written to them meanwhile. */
  closedHosts: hosts,
  /** Whether a tweet for a window of the past that is missing makes that window. Otherwise it is refused. */
  catchUp: z.boolean(),
});

/** How the windows of a table are made and when they go. */
export type WindowPolicy = z.infer<typeof schema>;

export interface PolicyInput {
  readonly windowMs?: number;
  readonly stripes?: number;
  readonly replicas?: number;
  readonly aheadMs?: number;
  readonly retentionMs?: number | null;
  readonly openHosts?: readonly string[];
  readonly closedHosts?: readonly string[];
  readonly catchUp?: boolean;
}

/** Fills in what a policy leaves open, from the one before where there is one, and checks it. Throws `InvalidArgument`. */
export function makePolicy(input: PolicyInput, knownHosts: readonly string[], before?: WindowPolicy): WindowPolicy {
  const windowMs = input.windowMs ?? before?.windowMs ?? dayMs;
  const openHosts = input.openHosts ?? before?.openHosts ?? knownHosts;
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  const parsed = schema.safeParse({
    windowMs,
    stripes: 4,
    replicas: Math.min(2, openHosts.length),
    aheadMs: Math.max(1_000, Math.min(Math.floor(windowMs / 2), dayMs)),
    retentionMs: null,
    openHosts,
    closedHosts: openHosts,
    catchUp: true,
    ...before,
    ...given,
  });
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalid(`${issue.path.join('.') || 'the policy'}: ${issue.message}`);
  }
  const policy = parsed.data;
  for (const [name, list] of [
    ['openHosts', policy.openHosts],
    ['closedHosts', policy.closedHosts],
  ] as const) {
    const unknown = list.find((host) => !knownHosts.includes(host));
    if (unknown !== undefined)
      throw invalid(
        `${name} names ${unknown}, which is no database host of the configuration: there are ${knownHosts.join(', ')}`,
      );
    if (new Set(list).size !== list.length) throw invalid(`${name} names a host twice`);
    if (policy.replicas > list.length)
      throw invalid(`${policy.replicas} replicas need as many hosts, and ${name} has ${list.length}`);
  }
  if (before !== undefined && before.windowMs !== policy.windowMs) {
    throw new RoostError(
      'FailedPrecondition',
      `windows are ${before.windowMs} ms long and stay so: others of ${policy.windowMs} ms would overlap those that are there, or leave gaps between them`,
      { fields: { window_ms: policy.windowMs } },
    );
  }
  return policy;
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', `the window policy: ${message}`);

/** Throws `DataLoss` for what is no stored policy. */
export function readPolicy(json: string): WindowPolicy {
  const parsed = schema.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  throw new RoostError('DataLoss', 'the stored window policy cannot be read', { cause: parsed.error });
}
