import { RoostError } from '../../core/index.js';
import { nodeType } from '../nodes/index.js';
import type { Attributes } from '../topology/types.js';

/** The shape of a replication tree: nodes, hosts and shares of reads, without the names of shards. */
export interface Template {
  /** A node type, or a leaf's type. */
  readonly type: string;
  /** A leaf's host. Absent: a routing node. */
  readonly host?: string;
  /** Share of the reads among siblings; without meaning at the root. */
  readonly weight: number;
  /** A leaf's attributes that differ from its type's defaults. */
  readonly attributes: Attributes;
  readonly children: readonly Template[];
}

export const leavesOf = (template: Template): readonly Template[] =>
  template.host === undefined ? template.children.flatMap(leavesOf) : [template];

/** Identifies a leaf's data on its host. */
export const leafIdentity = ({ type, host, attributes }: Template): string =>
  [host, type, ...named(attributes)].join(' ');

/** The template as text, with siblings sorted, so that equal templates have equal texts. `parseTemplate` reads it. */
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

/** Attributes as a template shows them, sorted: `sourceType="INT UNSIGNED"`. */
const named = (attributes: Attributes): string[] =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}=${/^\w+$/.test(value) ? value : JSON.stringify(value)}`)
    .sort();

/**
 * Throws `InvalidArgument` for an impossible tree: a node that needs one child and has another number, or two copies
 * on one host.
 */
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
