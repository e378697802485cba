import type { Redis } from 'ioredis';
import { RoostError } from '../../core/index.js';
import type { RoostConfig } from '../../process/index.js';

/** What a Redis reports about itself. */
export interface RedisSettings {
  /** Differs after each start and on each server. */
  readonly runId: string;
  readonly version: string;
  readonly role: 'master' | 'replica';
  /** Connected replicas that reported recently. */
  readonly replicas: number;
  /** Whether the append-only file is on. */
  readonly appendOnly: boolean;
  /** Undefined if CONFIG is forbidden. */
  readonly appendFsync: string | undefined;
  /** Undefined if CONFIG is forbidden. */
  readonly minReplicasToWrite: number | undefined;
  readonly maxMemoryPolicy: string;
  /** 0: unlimited. */
  readonly maxMemoryBytes: number;
  readonly usedMemoryBytes: number;
}

/** Parses the answer to `INFO`. */
export function parseInfo(
  text: string,
  { appendFsync, minReplicasToWrite }: Partial<Pick<RedisSettings, 'appendFsync' | 'minReplicasToWrite'>> = {},
): RedisSettings {
  const values = new Map(
    text.split(/\r?\n/).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  );
  const value = (name: string): string => values.get(name) ?? '';
  return {
    runId: value('run_id'),
    version: value('redis_version'),
    role: value('role') === 'slave' ? 'replica' : 'master',
    appendOnly: value('aof_enabled') === '1',
    replicas: [...values].filter(([name, text]) => /^slave\d+$/.test(name) && isConnected(text)).length,
    appendFsync,
    minReplicasToWrite,
    maxMemoryPolicy: value('maxmemory_policy'),
    maxMemoryBytes: Number(value('maxmemory')),
    usedMemoryBytes: Number(value('used_memory')),
  };
}

/** A replica reports its progress each second; one that hangs stays `online` for a minute. */
function isConnected(replica: string): boolean {
  const lag = /\blag=(\d+)/.exec(replica)?.[1];
  return replica.includes('state=online') && lag !== undefined && Number(lag) <= maxLagSeconds;
}

const maxLagSeconds = 5;

export async function readSettings(redis: Redis): Promise<RedisSettings> {
  // A managed Redis may forbid CONFIG; INFO has everything but these.
  const setting = (name: string): Promise<string | undefined> =>
    redis.config('GET', name).then(
      (answer) => answer[1],
      () => undefined,
    );
  const [info, appendFsync, minReplicas] = await Promise.all([
    redis.info(),
    setting('appendfsync'),
    setting('min-replicas-to-write'),
  ]);
  return parseInfo(info, {
    appendFsync,
    minReplicasToWrite: minReplicas === undefined ? undefined : Number(minReplicas),
  });
}

/** Why no write would be acknowledged; undefined if enough replicas are connected. */
export const replicasProblem = ({ replicas }: RedisSettings, needed: number): string | undefined =>
  replicas >= needed
    ? undefined
    : `the journal's Redis has ${replicas} connected replicas, and \`journal.replicas\` asks for ${needed}: writes are refused until they are connected`;

/** A setting that may lose accepted writes. */
export interface SettingProblem {
  readonly setting: string;
  readonly message: string;
  /** Whether a server refuses to start with it. */
  readonly fatal: boolean;
}

export function settingProblems(
  settings: RedisSettings,
  { durability, replicas }: RoostConfig['journal'],
): SettingProblem[] {
  const { appendOnly, appendFsync, maxMemoryPolicy, minReplicasToWrite } = settings;
  const problems: SettingProblem[] = [];
  const tooFew = replicasProblem(settings, replicas);
  if (tooFew !== undefined) problems.push({ setting: 'replicas', message: tooFew, fatal: false });
  if (minReplicasToWrite !== undefined && minReplicasToWrite < replicas) {
    problems.push({
      setting: 'min-replicas-to-write',
      message: `the journal's Redis has \`min-replicas-to-write ${minReplicasToWrite}\`, and \`journal.replicas\` is ${replicas}: a primary that was cut off from its replicas goes on accepting what nobody may rely on; set \`min-replicas-to-write ${replicas}\` on all of its servers`,
      fatal: false,
    });
  }
  if (!appendOnly) {
    const fatal = durability !== 'none';
    const advice = fatal
      ? '; set `appendonly yes` there (`CONFIG SET appendonly yes`, and in its configuration), or `journal.durability: "none"` here to accept that'
      : ', as `journal.durability: "none"` accepts';
    problems.push({
      setting: 'appendonly',
      message: `the journal's Redis keeps no append-only file: each restart of it loses the accepted writes that are not applied yet${advice}`,
      fatal,
    });
  } else if (appendFsync !== undefined && appendFsync !== 'always') {
    const lost =
      appendFsync === 'everysec' ? 'up to two seconds of accepted writes' : 'accepted writes of about half a minute';
    problems.push({
      setting: 'appendfsync',
      message: `the journal's Redis has \`appendfsync ${appendFsync}\`: when its host loses power, ${lost} are lost; with \`appendfsync always\` none are`,
      fatal: false,
    });
  }
  if (maxMemoryPolicy !== 'noeviction' && maxMemoryPolicy !== '') {
    problems.push({
      setting: 'maxmemory-policy',
      message: `the journal's Redis has \`maxmemory-policy ${maxMemoryPolicy}\`: when its memory is full it deletes keys, of the journal too; set \`maxmemory-policy noeviction\`, with which it refuses writes instead`,
      fatal: false,
    });
  }
  return problems;
}

/** Throws `FailedPrecondition` for the first setting that forbids a start. */
export function requireSettings(problems: readonly SettingProblem[]): void {
  const fatal = problems.find((problem) => problem.fatal);
  if (fatal !== undefined)
    throw new RoostError('FailedPrecondition', fatal.message, { fields: { setting: fatal.setting } });
}
