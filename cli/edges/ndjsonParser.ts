import { parseId, parseInt64, RoostError, type IdInput } from '../../core/index.js';
import { edgeStates, type EdgeState, type Operation } from '../../flock/index.js';
import { repeatedKey } from '../console/repeatedKey.js';
import { ndjsonChecksum } from './dumpChecksum.js';
import {
  maxLineBytes,
  type EdgeBatch,
  type EdgeParserOptions,
  type EntryParser,
  type NodeEntry,
} from './edgeParser.js';

const newline = 0x0a;

const operationOf: Readonly<Record<EdgeState, Operation>> = {
  normal: 'add',
  negative: 'negate',
  archived: 'archive',
  removed: 'remove',
};

interface EdgeRow {
  readonly operation: Operation;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint | undefined;
  readonly time: bigint | undefined;
}

/**
 * Reads one JSON object a line. An edge is {source, destination} and may have: state, normal if absent; own, the
 * edge's own state if its nodes hide it; position and positionedAt; updatedAt. A node that a mass operation has
 * touched is {node, direction, color, coloredAt, removedThrough}. Lines with the checksum of a dump (dumpChecksum.ts)
 * are skipped. 64-bit numbers are decimal strings, or numbers if those are exact. The first edge decides whether
 * edges have positions, and whether they have times.
 */
export class NdjsonParser implements EntryParser {
  lineCount = 0;
  edgeCount = 0;
  badLineCount = 0;
  firstBadLine: number | undefined;

  #positioned: boolean | undefined;
  #timed: boolean | undefined;
  #rows: EdgeRow[] = [];
  #nodes: NodeEntry[] = [];
  #entries = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(private readonly options: EdgeParserOptions) {}

  *push(chunk: Buffer): Generator<EdgeBatch> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(newline, start); end !== -1; end = bytes.indexOf(newline, start)) {
      this.#line(bytes.subarray(start, end));
      start = end + 1;
      if (this.#rows.length + this.#nodes.length >= this.options.batchSize) yield this.#take();
    }
    // A copy, so that the chunk itself can be freed; of an overlong line, only enough bytes to tell that it is
    // overlong.
    this.#rest = Buffer.from(bytes.subarray(start, start + maxLineBytes + 1));
  }

  *end(): Generator<EdgeBatch> {
    if (this.#rest.length > 0) this.#line(this.#rest);
    this.#rest = Buffer.alloc(0);
    if (this.#entries > 0) yield this.#take();
  }

  #line(bytes: Buffer): void {
    this.lineCount += 1;
    const text = bytes.length > maxLineBytes ? undefined : bytes.toString().trim();
    if (text === '' || text?.startsWith(ndjsonChecksum) === true) return;
    try {
      if (text === undefined) throw malformed(`is longer than ${maxLineBytes} bytes`);
      const entry = parseObject(text);
      if ('node' in entry) this.#nodes.push(...nodeEntries(entry));
      else this.#rows.push(...this.#edge(entry));
      this.edgeCount += 'node' in entry ? 0 : 1;
      this.#entries += 1;
    } catch (error) {
      if (!this.options.skipBad) {
        const { message } = RoostError.from(error);
        throw new RoostError('InvalidArgument', `${this.options.name}: line ${this.lineCount}: ${message}`, {
          fields: { file: this.options.name, line: this.lineCount },
          cause: error,
        });
      }
      this.badLineCount += 1;
      this.firstBadLine ??= this.lineCount;
    }
  }

  #edge(entry: Record<string, unknown>): EdgeRow[] {
    checkKeys(entry, ['source', 'destination', 'state', 'own', 'position', 'positionedAt', 'updatedAt']);
    const ids = {
      sourceId: parseId(entry['source'] as IdInput, 'source'),
      destinationId: parseId(entry['destination'] as IdInput, 'destination'),
    };
    const state = stateFrom(entry['own'] ?? entry['state'] ?? 'normal', 'state');
    if (entry['own'] !== undefined) stateFrom(entry['state'], 'state');
    const position = optionalInt64(entry, 'position');
    const positionedAt = optionalInt64(entry, 'positionedAt');
    const time = optionalInt64(entry, 'updatedAt');
    const operation = operationOf[state];
    const last: EdgeRow = { operation, ...ids, position, time };
    if (operation === 'add' || operation === 'negate') {
      this.#checkShape(position !== undefined, time !== undefined);
      return [last];
    }
    this.#checkShape(position === undefined ? this.#positioned : true, time !== undefined);
    if (position === undefined || positionedAt === -1n) return [last];
    // Only an add sets a position, so the edge is added first, at the time when its position was set.
    const before = positionedAt ?? (time === undefined || time === 0n ? time : time - 1n);
    return [{ operation: 'add', ...ids, position, time: before }, last];
  }

  /** `positioned` undefined: the edge does not show whether edges have positions. */
  #checkShape(positioned: boolean | undefined, timed: boolean): void {
    this.#timed ??= timed;
    if (timed !== this.#timed)
      throw malformed(
        timed ? 'has updatedAt where the lines before have none' : 'has no updatedAt where the lines before have one',
      );
    this.#positioned ??= positioned;
    if (positioned !== this.#positioned)
      throw malformed(
        positioned === true
          ? 'has a position where the lines before have none'
          : 'has no position where the lines before have one',
      );
  }

  #take(): EdgeBatch {
    const rows = this.#rows;
    const column = (value: (row: EdgeRow) => bigint | undefined): BigInt64Array =>
      BigInt64Array.from(rows, (row) => value(row) ?? 0n);
    const batch: EdgeBatch = {
      entryCount: this.#entries,
      sourceIds: column((row) => row.sourceId),
      destinationIds: column((row) => row.destinationId),
      operations: rows.map(({ operation }) => operation),
      ...(this.#positioned === true ? { positions: column((row) => row.position) } : {}),
      ...(this.#timed === true ? { times: column((row) => row.time) } : {}),
      nodes: this.#nodes,
    };
    this.#rows = [];
    this.#nodes = [];
    this.#entries = 0;
    return batch;
  }
}

function nodeEntries(entry: Record<string, unknown>): NodeEntry[] {
  checkKeys(entry, ['node', 'direction', 'color', 'coloredAt', 'removedThrough']);
  const id = parseId(entry['node'] as IdInput, 'node');
  const { direction } = entry;
  if (direction !== 'forward' && direction !== 'backward') throw malformed('a direction is forward or backward');
  const operation = operationOf[stateFrom(entry['color'], 'color')];
  const coloredAt = parseId(entry['coloredAt'] as IdInput, 'coloredAt');
  const removedThrough = optionalInt64(entry, 'removedThrough') ?? -1n;
  return [
    ...(operation === 'add' && coloredAt === 0n ? [] : [{ id, direction, operation, time: coloredAt } as const]),
    ...(removedThrough < 0n ? [] : [{ id, direction, operation: 'remove', time: removedThrough } as const]),
  ];
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed(`is no JSON: ${text.slice(0, 60)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(`must be an object, not ${text.slice(0, 60)}`);
  const twice = repeatedKey(text);
  if (twice !== undefined) throw malformed(`has two values for ${JSON.stringify(twice.slice(0, 40))}`);
  return value as Record<string, unknown>;
}

function checkKeys(entry: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.keys(entry).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw malformed(`has ${JSON.stringify(unknown.slice(0, 40))}; there are ${known.join(', ')}`);
}

function stateFrom(value: unknown, what: string): EdgeState {
  const state = edgeStates.find((known) => known === value);
  if (state === undefined) throw malformed(`${what} must be one of ${edgeStates.join(', ')}`);
  return state;
}

const optionalInt64 = (entry: Record<string, unknown>, what: string): bigint | undefined =>
  entry[what] === undefined ? undefined : parseInt64(entry[what] as IdInput, what);

const malformed = (what: string): RoostError => new RoostError('InvalidArgument', what);
