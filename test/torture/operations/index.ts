import { edges, massOperations } from './edges.js';
import { favorites } from './favorites.js';
import type { Operation } from './operation.js';
import { queries } from './queries.js';
import { timelines } from './timelines.js';
import { comments, tweets } from './tweets.js';
import { users } from './users.js';

export const operations = {
  edges,
  massOperations,
  queries,
  users,
  tweets,
  comments,
  favorites,
  timelines,
} satisfies Readonly<Record<string, Operation>>;

export type OperationKind = keyof typeof operations;
export const operationKinds = Object.keys(operations) as readonly OperationKind[];
