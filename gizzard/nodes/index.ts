import { blackHole } from './blackHole.js';
import { blocked } from './blocked.js';
import type { NodeType } from './nodeType.js';
import { readOnly } from './readOnly.js';
import { replicating } from './replicating.js';
import { slave } from './slave.js';
import { writeOnly } from './writeOnly.js';

export { behaviors, stronger, weaker, type Behavior, type NodeType } from './nodeType.js';

export const nodeTypes: readonly NodeType[] = [replicating, writeOnly, readOnly, blocked, blackHole, slave];

const byName = new Map(nodeTypes.map((type) => [type.name, type]));

/** The node type of a name; undefined for a leaf's type. */
export const nodeType = (name: string): NodeType | undefined => byName.get(name);
