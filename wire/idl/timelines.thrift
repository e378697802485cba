/*
 * Roost's own timelines beside Haplocheirus's, on the same port. Ids in binaries are packed little-endian signed 64-bit integers.
 */
include "haplocheirus.thrift"
include "roost.thrift"
include "tbird.thrift"

namespace rb Roost.Timelines
namespace py timelines
namespace js timelines

/* before_id and since_id are exclusive. format: json or short brings the tweets themselves; absent: ids alone. */
struct HomeRequest {
  1: i64 user_id
  2: i32 count
  3: optional i64 before_id
  4: optional i64 since_id
  5: optional string format
}

/*
 * ids: newest first. partial: tweets may be missing, since the timeline is being rebuilt; another call, a moment later, has them. next_before_id: the before_id of the next page;
 * absent at the end. tweets: one for each id, where a format was asked for.
 */
struct HomePage {
  1: binary ids
  2: bool partial
  3: optional i64 next_before_id
  4: optional tbird.Fragments tweets
}

service RoostTimelines extends haplocheirus.TimelineStore {
  roost.ServerInfo server_info() throws (1: roost.RoostException ex)

  /* A page of the tweets of those whom a user follows. */
  HomePage home_timeline(1: HomeRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)
}
