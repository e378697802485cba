import { z } from 'zod';
import { RoostError } from '../core/index.js';
import type { Vault } from './vault.js';

/** Raised when a release writes objects that earlier releases cannot read. */
export const dumpFormat = 1;

const place = z.object({
  epoch: z.string(),
  accepted: z.int().nonnegative(),
  micros: z.string().regex(/^\d+$/).transform(BigInt),
});

const rowObject = z.object({
  name: z.string(),
  bytes: z.int().nonnegative(),
  rows: z.int().nonnegative(),
  /** The topology's table, and the place of the shard's table among those of its type. */
  tableId: z.int(),
  order: z.int().nonnegative(),
});
export type RowObject = z.output<typeof rowObject>;

/** The start of a dump: its place in the journal, and the objects with the jobs that were waiting then. */
const begunSchema = z.object({
  format: z.literal(dumpFormat),
  id: z.string(),
  begun: place,
  waiting: z.array(z.string()),
});
export type DumpBegun = z.output<typeof begunSchema>;

/** A tree of a dumped table, identified by its leaves. */
const part = z.object({
  objects: z.array(rowObject),
  /** The position of the shard's next table, and the key after which its rows continue. */
  order: z.int().nonnegative(),
  after: z.string(),
  done: z.boolean(),
});
export type PartProgress = z.output<typeof part>;

/** The progress of a dump that may be continued. */
const progressSchema = z.object({ format: z.literal(dumpFormat), parts: z.record(z.string(), part) });
export type DumpProgress = z.output<typeof progressSchema>;

/** A whole dump. */
const wholeSchema = begunSchema.extend({
  release: z.string(),
  /** No row holds anything accepted later. This is the earliest moment that can be restored. */
  ended: place,
  /** The state of the cluster when the dump ended. */
  catalog: z.string(),
  objects: z.array(rowObject),
  /** Shard types whose rows are not in it, each with the reason. */
  notSaved: z.array(z.string()),
});
export type WholeDump = z.output<typeof wholeSchema>;

export const dumpPath = (id: string, part: string): string => `dumps/${id}/${part}`;

const dumpPattern = /^dumps\/(\w+)\/(begun|progress-\d+|whole)-[0-9a-f]{64}\.(?:json|gz)$/;

/** The dump of a record, and the record's kind; undefined for other objects. */
export function recordOf(
  name: string,
): { readonly id: string; readonly what: 'begun' | 'progress' | 'whole' } | undefined {
  const [, id, what] = dumpPattern.exec(name) ?? [];
  return id === undefined ? undefined : { id, what: what!.split('-')[0] as 'begun' | 'progress' | 'whole' };
}

export const readBegun = (vault: Vault, name: string): Promise<DumpBegun> => read(vault, name, begunSchema);
export const readWhole = (vault: Vault, name: string): Promise<WholeDump> => read(vault, name, wholeSchema);
export const readProgress = (vault: Vault, name: string): Promise<DumpProgress> => read(vault, name, progressSchema);

async function read<Schema extends z.ZodType>(vault: Vault, name: string, schema: Schema): Promise<z.output<Schema>> {
  const parsed = schema.safeParse(await vault.json(name));
  if (parsed.success) return parsed.data;
  throw new RoostError(
    'FailedPrecondition',
    `${name} in ${vault.url} was written by a release of roost that this one cannot read`,
    { cause: parsed.error, fields: { object: name } },
  );
}
