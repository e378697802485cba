import { RoostError, type Deadline } from '../../core/index.js';
import type { Movable, ShardAttribute, ShardInfo, ShardType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { FlockTables } from './flockTables.js';
import { shardMoves } from './shardMoves.js';

/** Column types that ids may have. Ids are unsigned, whatever a table of Gizzard's says of them. */
const idTypes = ['INT UNSIGNED', 'BIGINT UNSIGNED'] as const;

const usualIdType = 'BIGINT UNSIGNED';

/** The column type that an attribute names. It goes into SQL, whoever checked it before: any other throws. */
function idType(text: string = usualIdType): string {
  const type = idTypes.find((known) => known === text.toUpperCase());
  if (type !== undefined) return type;
  throw new RoostError('InvalidArgument', `ids are ${idTypes.join(' or ')}, not ${JSON.stringify(text)}`);
}

const idTypeAttribute: ShardAttribute = {
  values: idTypes.join(' or '),
  allows: (value) => idTypes.some((type) => type === value.toUpperCase()),
  default: usualIdType,
};

/** The leaves of Flock: the edges of some nodes in one direction, and what is known of those nodes. */
export const flockShardType = (
  tables: FlockTables,
  moving: (moves: Movable) => Movable = (moves) => moves,
): ShardType => ({
  name: 'flock',
  attributes: { sourceType: idTypeAttribute, destinationType: idTypeAttribute },
  moving: moving(shardMoves(tables)),
  async create(host: DatabaseHost, shard: ShardInfo, deadline: Deadline): Promise<void> {
    const { sourceType, destinationType } = shard.attributes;
    await tables.create(host, shard, { source: idType(sourceType), destination: idType(destinationType) }, deadline);
  },
});
