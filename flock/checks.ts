import { limits, maxId, maxInt64, minInt64, parseCount, parseId, parseInt64, RoostError } from '../core/index.js';
import type {
  Direction,
  EdgeState,
  EdgeWrites,
  NewestOf,
  NodeWrite,
  Operation,
  PageRequest,
  Query,
  Term,
  WriteBatch,
} from '../wire/index.js';
import { operationRank, rankOf } from './states.js';

// Checks of callers' input before any work: callers in plain JavaScript, and the wire, may bring anything.

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);

export function checkIds(ids: BigInt64Array, what: string): void {
  if (ids.length > limits.idsPerCall)
    throw invalid(`${what}: at most ${limits.idsPerCall} in one call, not ${ids.length}`);
  for (const id of ids) if (id < 0n) throw invalid(`${what}: ids are from 0 to 2^63 − 1, not ${id}`);
}

export function checkPairs(sourceIds: BigInt64Array, destinationIds: BigInt64Array): void {
  if (sourceIds.length !== destinationIds.length)
    throw invalid(`${sourceIds.length} sources and ${destinationIds.length} destinations make no pairs`);
  checkIds(sourceIds, 'sources');
  checkIds(destinationIds, 'destinations');
}

export function checkDirection(direction: Direction): void {
  if (direction !== 'forward' && direction !== 'backward')
    throw invalid(`a direction is forward or backward, not ${JSON.stringify(direction)}`);
}

export function checkBatch(batch: WriteBatch): void {
  if (batch.length === 0) throw invalid('a write needs at least one operation');
  if (batch.length > limits.operationsPerWrite)
    throw invalid(`a write holds at most ${limits.operationsPerWrite} operations, not ${batch.length}`);
  const edgeCount = batch.reduce((sum, write) => sum + ('edges' in write ? write.edges.sourceIds.length : 0), 0);
  if (edgeCount > limits.edgesPerBatch)
    throw invalid(`a batch holds at most ${limits.edgesPerBatch} edges, not ${edgeCount}`);
  for (const write of batch) {
    if ('edges' in write) checkWrites(write.edges);
    else checkNodeWrite(write.node);
  }
}

/** Checks a cursor's range; its meaning depends on the query. Pages check the count. */
export function checkCursor({ cursor }: PageRequest): void {
  if (typeof cursor !== 'bigint' || cursor < minInt64 || cursor > maxInt64)
    throw invalid(`a cursor is a 64-bit integer, not ${String(cursor)}`);
}

export function checkQuery(query: Query): void {
  const waiting = [query];
  let terms = 0;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    switch (part.kind) {
      case 'term':
        terms++;
        if (terms > limits.termsPerQuery) throw invalid(`a query holds at most ${limits.termsPerQuery} terms`);
        checkTerm(part.term);
        break;
      case 'intersection':
      case 'union':
      case 'difference':
        waiting.push(part.left, part.right);
        break;
      default:
        throw invalid(
          `a query is a term, intersection, union or difference, not ${JSON.stringify((part as Query | undefined)?.kind)}`,
        );
    }
  }
}

function checkTerm({ sourceId, direction, states, destinationIds, minPosition, maxPosition }: Term): void {
  parseId(sourceId);
  checkDirection(direction);
  checkStates(states);
  if (destinationIds !== undefined) checkIds(destinationIds, 'destination ids');
  if (minPosition !== undefined) parseInt64(minPosition, 'minPosition');
  if (maxPosition !== undefined) parseInt64(maxPosition, 'maxPosition');
}

function checkStates(states: readonly EdgeState[]): void {
  if (states.length === 0) throw invalid('a list needs at least one state');
  for (const state of states)
    if (!Object.hasOwn(rankOf, state)) throw invalid(`there is no edge state ${JSON.stringify(state)}`);
}

export function checkNewest({ direction, states, count }: NewestOf, ids: BigInt64Array): void {
  checkDirection(direction);
  checkStates(states);
  checkIds(ids, 'ids');
  parseCount(count, 'count', 1, limits.pageSize);
  const most = count * ids.length * new Set(states).size;
  if (most > limits.edgesPerCall)
    throw invalid(
      `${ids.length} lists of ${count} edges may have more than the ${limits.edgesPerCall} edges of a call, which each of ${states.length} states counts for: ask for fewer`,
    );
}

function checkWrites(writes: EdgeWrites): void {
  const count = writes.sourceIds.length;
  if (count === 0) throw invalid('a write needs at least one edge');
  if (count > limits.operationsPerWrite)
    throw invalid(`a write holds at most ${limits.operationsPerWrite} operations, not ${count}`);
  checkPairs(writes.sourceIds, writes.destinationIds);
  const { operations } = writes;
  const columns = {
    operations: typeof operations === 'string' ? undefined : operations,
    positions: writes.positions,
    times: writes.times,
  };
  for (const [name, column] of Object.entries(columns)) {
    if (column !== undefined && column.length !== count)
      throw invalid(`${name} must have one entry for each of the ${count} edges, not ${column.length}`);
  }
  if (typeof operations === 'string') checkOperation(operations);
  else for (const operation of operations) checkOperation(operation);
}

function checkNodeWrite({ id, direction, operation }: NodeWrite): void {
  if (typeof id !== 'bigint' || id < 0n || id > maxId)
    throw invalid(`id: ids are from 0 to 2^63 − 1, not ${String(id)}`);
  checkDirection(direction);
  checkOperation(operation);
}

function checkOperation(operation: Operation): void {
  if (!Object.hasOwn(operationRank, operation)) throw invalid(`there is no operation ${JSON.stringify(operation)}`);
}
