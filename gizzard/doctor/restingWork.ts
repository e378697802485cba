import type { Check, Finding } from './check.js';

/** Paused or failed migrations, and paused moves that belong to none. They rest until an operator decides. */
export const restingWork: Check = {
  name: 'migrations and moves',
  quick: true,
  async examine({ migrations, openMoves }) {
    const active = await migrations.list({ active: true });
    const resting = active.filter(({ state }) => state === 'failed' || state === 'paused');
    return [
      ...resting.map(({ id, state, error }): Finding => {
        const why = state === 'failed' ? `has failed: ${error}` : 'is paused';
        return {
          kind: 'restingMigration',
          subject: `migration ${id}`,
          message: `migration ${id} ${why}; \`roost migrations resume ${id}\` goes on, \`roost migrations rollback ${id}\` undoes it`,
        };
      }),
      ...openMoves
        .filter(({ state, migrationId }) => state === 'paused' && migrationId === undefined)
        .map(({ id }): Finding => ({
          kind: 'restingMove',
          subject: `move ${id}`,
          message: `move ${id} is paused; \`roost shard moves\` shows it`,
        })),
    ];
  },
};
