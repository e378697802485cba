import { ShardDatabase } from './shardDatabase.js';

/** Accounts of a database host, by purpose. */
export const databaseAccounts = {
  server:
    '`roost serve`: it applies writes, and carries migrations, moves and checks out, for which it makes, renames and drops tables',
  operator: 'commands that change something: apart from the servers, so that it may be taken away from a person',
  reader: 'commands that look, such as `roost shard list`, `roost topology` and `roost ping`',
} as const;

export type DatabaseAccount = keyof typeof databaseAccounts;

const rights: Readonly<Record<DatabaseAccount, string>> = {
  server: 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX',
  operator: 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX',
  reader: 'SELECT',
};

/** The least rights of an existing account on a host, as SQL. @param user as in SQL: `'roost'@'%'` */
export function grantStatements(cluster: string, account: DatabaseAccount, user: string): string[] {
  const databases = [cluster, new ShardDatabase(cluster).aside.name, `${cluster}_nameserver`];
  return [
    // In names of databases `_` is a wildcard.
    ...databases.map((name) => `GRANT ${rights[account]} ON \`${name.replaceAll('_', '\\_')}\`.* TO ${user};`),
    // For the lag of replicas.
    `GRANT REPLICATION CLIENT ON *.* TO ${user};`,
  ];
}
