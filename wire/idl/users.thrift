/*
 * Users by id. Ids in binaries are packed little-endian signed 64-bit integers. Texts are UTF-8 in binaries, so that a malformed one is refused and not mended.
 */
include "roost.thrift"

namespace rb Roost.Users
namespace py users
namespace js users

/* flags: 32 bits. */
struct User {
  1: i64 id
  2: binary name
  3: binary screen_name
  4: i64 flags
}

/* What is absent stays as it is. */
struct UserChange {
  1: i64 id
  2: optional binary name
  3: optional binary screen_name
  4: optional i64 flags
}

/* found: one byte for each id that was asked for, 1 where there is a user. users: those, in the order of the ids. */
struct FoundUsers {
  1: list<User> users
  2: binary found
}

service Users {
  roost.ServerInfo server_info() throws (1: roost.RoostException ex)

  /* Those that exist are replaced; those that were removed are back. */
  void put_users(1: list<User> users, 2: roost.WriteOptions options) throws (1: roost.RoostException ex)
  void change_users(1: list<UserChange> changes, 2: roost.WriteOptions options) throws (1: roost.RoostException ex)
  void remove_users(1: binary ids, 2: roost.WriteOptions options) throws (1: roost.RoostException ex)
  FoundUsers get_users(1: binary ids, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)
}
