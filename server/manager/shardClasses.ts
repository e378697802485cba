import { RoostError } from '../../core/index.js';
import { nodeTypes } from '../../gizzard/index.js';

/** A store, as far as Gizzard's tools know of it. */
export interface KnownToTools {
  readonly name: string;
  /** Class names in Gizzard's tools, with the store's shard types. */
  readonly toolClasses?: Readonly<Record<string, string>>;
}

/**
 * Class names in Gizzard's tools, and our types. They may have a package in front, such as
 * com.twitter.gizzard.shards.
 */
export class ShardClasses {
  /** The store of tables that tools begin; undefined if the tools know no store. */
  readonly store: string | undefined;
  readonly #typeByClass: ReadonlyMap<string, string>;
  readonly #classByType: ReadonlyMap<string, string>;

  constructor(stores: readonly KnownToTools[]) {
    this.store = stores.find(({ toolClasses }) => toolClasses !== undefined)?.name;
    this.#typeByClass = new Map([
      ...nodeTypes.map(({ name }) => [`${name[0]!.toUpperCase()}${name.slice(1)}Shard`, name] as const),
      ...stores.flatMap(({ toolClasses = {} }) => Object.entries(toolClasses)),
    ]);
    this.#classByType = new Map([...this.#typeByClass].map(([name, type]) => [type, name]));
  }

  /** Accepts our own names too. Throws `InvalidArgument` with the known classes. */
  typeOf(className: string): string {
    const last = className.slice(className.lastIndexOf('.') + 1);
    const type = this.#typeByClass.get(last) ?? (this.#classByType.has(className) ? className : undefined);
    if (type !== undefined) return type;
    throw new RoostError(
      'InvalidArgument',
      `there is no shard class ${JSON.stringify(className)}; there are ${[...this.#typeByClass.keys()].join(', ')}`,
      { fields: { class: className } },
    );
  }

  /** Types that Gizzard did not have keep their name. */
  classOf(type: string): string {
    return this.#classByType.get(type) ?? type;
  }
}
