import { RoostError, type Deadline } from '../../core/index.js';
import type { Movable, ShardAttribute, ShardInfo, ShardType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { edgeTables } from './edgeTables.js';
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
  database: string,
  moving: (moves: Movable) => Movable = (moves) => moves,
): ShardType => ({
  name: 'flock',
  attributes: { sourceType: idTypeAttribute, destinationType: idTypeAttribute },
  moving: moving(shardMoves(database)),
  async create(host: DatabaseHost, shard: ShardInfo, deadline: Deadline): Promise<void> {
    const tables = edgeTables(database, shard);
    const sourceType = idType(shard.attributes['sourceType']);
    const destinationType = idType(shard.attributes['destinationType']);
    await host.run(`CREATE DATABASE IF NOT EXISTS \`${database}\``, [], deadline);
    await host.run(
      `CREATE TABLE IF NOT EXISTS ${tables.edges} (
        source_id ${sourceType} NOT NULL,
        state TINYINT UNSIGNED NOT NULL,
        position BIGINT NOT NULL,
        destination_id ${destinationType} NOT NULL,
        own_state TINYINT UNSIGNED NOT NULL,
        updated_at BIGINT NOT NULL,
        positioned_at BIGINT NOT NULL,
        peer_colour TINYINT UNSIGNED NULL,
        peer_coloured_at BIGINT NULL,
        peer_removed_through BIGINT NULL,
        PRIMARY KEY (source_id, state, position, destination_id),
        UNIQUE KEY membership (source_id, destination_id)
      ) ENGINE=InnoDB`,
      [],
      deadline,
    );
    await host.run(
      `CREATE TABLE IF NOT EXISTS ${tables.nodes} (
        source_id ${sourceType} NOT NULL PRIMARY KEY,
        colour TINYINT UNSIGNED NOT NULL DEFAULT 0,
        coloured_at BIGINT NOT NULL DEFAULT 0,
        removed_through BIGINT NOT NULL DEFAULT -1,
        normal_count BIGINT NOT NULL DEFAULT 0,
        negative_count BIGINT NOT NULL DEFAULT 0,
        archived_count BIGINT NOT NULL DEFAULT 0,
        removed_count BIGINT NOT NULL DEFAULT 0
      ) ENGINE=InnoDB`,
      [],
      deadline,
    );
  },
});
