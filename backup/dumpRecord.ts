import { z } from 'zod';
import { RoostError } from '../core/index.js';
import type { Vault } from './vault.js';

/** Raised when objects are written in another form that releases of before cannot read. */
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

/** The beginning of a dump: where it begins in the journal, and the objects with the jobs that waited then. */
const begunSchema = z.object({
  format: z.literal(dumpFormat),
  id: z.string(),
  begun: place,
  waiting: z.array(z.string()),
});
export type DumpBegun = z.output<typeof begunSchema>;

/** A tree of a table that is dumped, by the leaves that it has. */
const part = z.object({
  objects: z.array(rowObject),
  /** The place of the next of the shard's tables, and the key behind which it goes on. */
  order: z.int().nonnegative(),
  after: z.string(),
  done: z.boolean(),
});
export type PartProgress = z.output<typeof part>;

/** How far a dump is that may be gone on with. */
const progressSchema = z.object({ format: z.literal(dumpFormat), parts: z.record(z.string(), part) });
export type DumpProgress = z.output<typeof progressSchema>;

/** A whole dump. */
const wholeSchema = begunSchema.extend({
  release: z.string(),
  /** Nothing in the rows was accepted later: the earliest moment that can be restored. */
  ended: place,
  /** What the cluster was when the dump ended. */
  catalog: z.string(),
  objects: z.array(rowObject),
  /** Shard types whose rows are not in it, each with the reason. */
  notSaved: z.array(z.string()),
});
export type WholeDump = z.output<typeof wholeSchema>;

export const dumpPath = (id: string, part: string): string => `dumps/${id}/${part}`;

const dumpPattern = /^dumps\/(\w+)\/(begun|progress-\d+|whole)-[0-9a-f]{64}\.(?:json|gz)$/;

/** Which dump a record belongs to, and what it says; undefined for other objects. */
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
