import { RoostError } from '../core/index.js';
import type { Backend } from './backend.js';
import type { Check } from './doctor/check.js';
import type { AnyJobType } from './jobs/jobType.js';
import type { ShardType } from './shardType.js';

/** What a store tells Gizzard of its shards and jobs. */
export interface GizzardTypes {
  /** What its shards live on beside MySQL; stores may share one. They are closed with the Gizzard. */
  readonly backends?: readonly Backend[];
  readonly shardTypes: readonly ShardType[];
  readonly jobTypes: readonly AnyJobType[];
  /** What the doctor looks at beside its own checks. */
  readonly checks?: readonly Check[];
  /** Settings that must be the same on every server, by the store's name. The doctor names stores whose settings differ. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** The types of all stores, by their names. */
export class RegisteredTypes {
  readonly shards = new Map<string, ShardType>();
  readonly jobs = new Map<string, AnyJobType>();
  readonly checks: Check[] = [];
  readonly settings = new Map<string, unknown>();

  /** Throws `InvalidArgument` where another store has brought a type of the same name. */
  add({ shardTypes, jobTypes, checks = [], settings = {} }: Omit<GizzardTypes, 'backends'>): void {
    for (const type of shardTypes) enter(this.shards, 'shard type', type.name, type);
    for (const type of jobTypes) enter(this.jobs, 'kind of job', type.kind, type);
    this.checks.push(...checks);
    for (const [store, values] of Object.entries(settings)) this.settings.set(store, values);
  }
}

function enter<Type>(types: Map<string, Type>, what: string, name: string, type: Type): void {
  if (types.has(name)) throw new RoostError('InvalidArgument', `two stores bring the ${what} ${name}`);
  types.set(name, type);
}
