import { journalWrite } from '../cluster/index.js';
import { chunks, inTurns, limits, parseCount, parseId, RoostError } from '../core/index.js';
import type { Gizzard } from '../gizzard/index.js';
import { deadlineOf, type ReadOptions, type TimedWriteOptions, type User, type UserChange } from '../wire/index.js';
import { checkChange, never, type UserRecord } from './user.js';
import { userWrites, type UserWrite } from './userBytes.js';
import { userJobKind } from './userJob.js';
import { usersTableId, type UserRows } from './userRows.js';
import { planUsers, type UsersSetup } from './usersTopology.js';

/** Half a megabyte with long names. */
const usersPerJob = 1_000;

/** The users of a cluster, by id. Every method throws RoostError: `Unavailable`, `DeadlineExceeded`, `Overloaded`, `InvalidArgument`. */
export class Users {
  constructor(
    readonly gizzard: Gizzard,
    /** The row cache, which reads go through and writes keep up to date. */
    readonly rows: UserRows,
  ) {}

  /** Creates the shards and their tables. Throws `AlreadyExists` if there are any. */
  async setup({
    shards,
    replicas,
    hosts = Object.keys(this.gizzard.config.databaseHosts),
  }: Omit<UsersSetup, 'hosts'> & Partial<UsersSetup>): Promise<void> {
    await this.gizzard.nameServer.reload();
    if (this.gizzard.topology.tables.some(({ tableId }) => tableId === usersTableId))
      throw new RoostError('AlreadyExists', 'this cluster has users already');
    await this.gizzard.apply(planUsers({ shards, replicas, hosts }));
  }

  /**
   * Writes whole users: replaces existing ones, and brings back removed ones. Idempotent and commutative, as all
   * writes here.
   */
  async put(users: readonly User[], options: TimedWriteOptions = {}): Promise<void> {
    for (const user of users) checkChange(user);
    await this.#write(
      users.map((user) => ({ ...user, exists: true })),
      options,
    );
  }

  /**
   * Changes the given fields of users; concurrent changes of other fields stay. A change to a user who does not exist
   * becomes visible once the user does.
   */
  async change(changes: readonly UserChange[], options: TimedWriteOptions = {}): Promise<void> {
    for (const change of changes) checkChange(change);
    await this.#write(changes, options);
  }

  /** Removes users. A later `put` brings one back. */
  async remove(ids: readonly bigint[], options: TimedWriteOptions = {}): Promise<void> {
    for (const id of ids) parseId(id);
    await this.#write(
      ids.map((id) => ({ id, name: '', screenName: '', flags: 0, exists: false })),
      options,
    );
  }

  /** The users of ids, by place; undefined for those that do not exist or were removed. */
  async get(ids: readonly bigint[], options: ReadOptions = {}): Promise<(User | undefined)[]> {
    this.#requireStore();
    if (ids.length > limits.idsPerCall)
      throw new RoostError('InvalidArgument', `at most ${limits.idsPerCall} ids in one call, not ${ids.length}`);
    for (const id of ids) parseId(id);
    const found = await this.rows.get(ids, deadlineOf(options));
    return ids.map((id) => userOf(found.get(id)));
  }

  async #write(changes: readonly UserWrite[], options: TimedWriteOptions): Promise<void> {
    this.#requireStore();
    parseCount(changes.length, 'the number of users', 1, limits.operationsPerWrite);
    const { time } = options;
    if (time !== undefined && time <= never)
      throw new RoostError('InvalidArgument', `the time of a write is above 0, not ${time}`);
    const jobs = await inTurns(chunks(changes, usersPerJob), (some) => ({
      kind: userJobKind,
      ...userWrites(some, time),
    }));
    await journalWrite(this.gizzard, jobs, {
      ...options,
      ...(time === undefined ? {} : { times: [time] }),
    });
  }

  #requireStore(): void {
    if (this.gizzard.topology.covers(usersTableId)) return;
    throw new RoostError('FailedPrecondition', 'this cluster has no users yet: `roost users setup` makes their shards');
  }
}

const userOf = (record: UserRecord | undefined): User | undefined =>
  record === undefined || !record.exists.value
    ? undefined
    : { id: record.id, name: record.name.value, screenName: record.screenName.value, flags: record.flags.value };
