import type { Deadline } from '../../core/index.js';
import type { EdgeReader } from '../edgeReader.js';
import type { Query } from '../types.js';
import type { IdSource } from './idSource.js';
import { difference, intersection, union } from './setSources.js';
import { termSource } from './termSource.js';

/** Turns a query into a set that can be walked. The branches' counters are read in parallel. */
export async function compile(reader: EdgeReader, query: Query, deadline: Deadline): Promise<IdSource> {
  if (query.kind === 'term') return termSource(reader, query.term, deadline);
  const [left, right] = await Promise.all([compile(reader, query.left, deadline), compile(reader, query.right, deadline)]);
  switch (query.kind) {
    case 'intersection':
      return intersection(left, right);
    case 'union':
      return union(left, right);
    case 'difference':
      return difference(left, right);
  }
}
