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

/*
 * ids: newest first. For each of them, kinds: one byte, 1 favorited, 2 retweeted, 3 replied, 4 mentioned, 5 followed; actor_ids: who did it; tweet_ids: the user's tweet that it happened to, 0 where it happened to
 * the user. partial, next_before_id: as of HomePage. tweets: where a format was asked for, what is to be shown: the reply or the tweet that names the user, else the user's tweet; none for a follow.
 */
struct ActivityPage {
  1: binary ids
  2: binary kinds
  3: binary actor_ids
  4: binary tweet_ids
  5: bool partial
  6: optional i64 next_before_id
  7: optional tbird.Fragments tweets
}

/* Pages of timelines of one kind that a server has read since it started. kept: from the kept entries alone; rebuilt: these were missing; partial: they were not complete in time; behind: the page went on behind them. */
struct TimelineReads {
  1: string kind
  2: i64 kept
  3: i64 rebuilt
  4: i64 partial
  5: i64 behind
}

service RoostTimelines extends haplocheirus.TimelineStore {
  roost.ServerInfo server_info() throws (1: roost.RoostException ex)

  /* A page of the tweets of those whom a user follows. */
  HomePage home_timeline(1: HomeRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* A page of a user's own tweets and retweets. */
  HomePage user_timeline(1: HomeRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* A page of the tweets that name a user. */
  HomePage mentions_timeline(1: HomeRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* A page of what happened to a user and their tweets. */
  ActivityPage activity_timeline(1: HomeRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  list<TimelineReads> timeline_reads() throws (1: roost.RoostException ex)
}
