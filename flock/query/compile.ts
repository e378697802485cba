import type { EdgeReader } from '../edgeReader.js';
import type { Query } from '../../wire/index.js';
import { difference, intersection } from './filtered.js';
import type { IdSource } from './idSource.js';
import { termSource } from './termSource.js';
import { union } from './union.js';

/** Compiles a query into a set that can be walked. Reads nothing. */
export function compile(reader: EdgeReader, query: Query): IdSource {
  switch (query.kind) {
    case 'term':
      return termSource(reader, query.term);
    case 'intersection':
      return intersection(compile(reader, query.left), compile(reader, query.right));
    case 'difference':
      return difference(compile(reader, query.left), compile(reader, query.right));
    case 'union':
      return union(unionParts(query).map((part) => compile(reader, part)));
  }
}

/** Flattens unions of unions, so that all parts are read at once. */
const unionParts = (query: Query): Query[] =>
  query.kind === 'union' ? [...unionParts(query.left), ...unionParts(query.right)] : [query];
