import { RoostError } from '../../core/index.js';
import { nodeType } from '../nodes/index.js';
import type { Attributes } from '../topology/types.js';

/** The shape of a replication tree: which nodes, on which hosts, with which shares of the reads; without the names of its shards. */
export interface Template {
  /** A node type, or the type of a leaf. */
  readonly type: string;
  /** Where a leaf lives. Absent: a routing node. */
  readonly host?: string;
  /** Share of the reads among its siblings; of no meaning at the root. */
  readonly weight: number;
  /** Of a leaf: those that are not the defaults of its type. */
  readonly attributes: Attributes;
  readonly children: readonly Template[];
}

export const leavesOf = (template: Template): readonly Template[] =>
  template.host === undefined ? template.children.flatMap(leavesOf) : [template];

/** What makes a leaf the same data on the same host. */
export const leafIdentity = ({ type, host, attributes }: Template): string =>
  [host, type, ...named(attributes)].join(' ');

/** The template as text, with siblings in one order whatever theirs was, so that equal templates have equal texts. `parseTemplate` reads it. */
export function printTemplate(template: Template): string {
  return printNode({ ...template, weight: 1 });
}

function printNode(template: Template): string {
  const args =
    template.host === undefined
      ? template.children.map(printNode).sort()
      : [template.host, ...named(template.attributes)];
  return `${template.type}(${args.join(', ')})${template.weight === 1 ? '' : ` * ${template.weight}`}`;
}

/** Attributes as a template has them, in one order: `sourceType="INT UNSIGNED"`. */
const named = (attributes: Attributes): string[] =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}=${/^\w+$/.test(value) ? value : JSON.stringify(value)}`)
    .sort();

/** Throws `InvalidArgument` for a tree that could not be: a node that needs one child and has another number, or two copies on one host. */
export function checkTemplate(template: Template): Template {
  const seen = new Set<string>();
  for (const leaf of leavesOf(template)) {
    const place = `${leaf.type} on ${leaf.host}`;
    if (seen.has(place)) throw new RoostError('InvalidArgument', `${printTemplate(template)} holds ${place} twice`);
    seen.add(place);
  }
  checkChildren(template);
  return template;
}

function checkChildren(template: Template): void {
  const type = nodeType(template.type);
  if (type !== undefined) {
    const { length } = template.children;
    if (type.replicates ? length === 0 : length > 1 || (length === 0 && type.write !== 'ignore')) {
      throw new RoostError(
        'InvalidArgument',
        `${template.type} must have ${type.replicates ? 'at least one child' : 'one child'}, not ${length}`,
      );
    }
  }
  template.children.forEach(checkChildren);
}
