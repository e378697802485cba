/*
 * Tweets. Ids in binaries are packed little-endian signed 64-bit integers. Texts are UTF-8 in binaries, so that a malformed one is refused and not mended.
 */
include "roost.thrift"

namespace rb Roost.TBird
namespace py tbird
namespace js tbird

/* created_at_ms: milliseconds since 1970. extra: a JSON object. deleted_at: microseconds; absent where the tweet is not deleted. */
struct Tweet {
  1: i64 id
  2: i64 user_id
  3: binary text
  4: i64 created_at_ms
  5: optional i64 reply_to_tweet_id
  6: optional i64 reply_to_user_id
  7: optional i64 retweet_of_id
  8: i64 flags
  9: optional binary extra
  10: optional i64 deleted_at
}

/* mentions: packed ids of the users whom the text names. id absent: the server makes one. created_at_ms is needed only where an id from before Snowflake is given. */
struct TweetDraft {
  1: optional i64 id
  2: i64 user_id
  3: binary text
  4: optional i64 created_at_ms
  5: optional i64 reply_to_tweet_id
  6: optional i64 reply_to_user_id
  7: optional i64 retweet_of_id
  8: optional i64 flags
  9: optional binary extra
  10: optional binary mentions
}

/* ids: packed. time: when it counts as done, in microseconds; absent: now. */
struct Deletion {
  1: binary ids
  2: optional i64 time
}

/* found: one byte for each id that was asked for, 1 where there is a tweet. tweets: those, in the order of the ids. */
struct Tweets {
  1: list<Tweet> tweets
  2: binary found
}

/* Tweets ready to be sent, one behind the other. lengths: bytes of each, packed little-endian 32-bit integers; 0 where there is no tweet. */
struct Fragments {
  1: binary lengths
  2: binary fragments
}

/* before_id and after_id are exclusive. */
struct TimelineRequest {
  1: i64 user_id
  2: i32 count
  3: optional i64 before_id
  4: optional i64 after_id
  5: optional bool without_replies
  6: optional bool without_retweets
}

struct RelatedRequest {
  1: i64 tweet_id
  2: i32 count
  3: optional i64 before_id
}

/* One of each for each id, packed. */
struct TweetCounts {
  1: binary favorites
  2: binary retweets
  3: binary replies
}

struct ScanResult {
  1: list<Tweet> tweets
  2: i32 windows_read
  3: i32 windows
  4: i32 tables_read
}

/* phase: ahead, open or closed. */
struct Window {
  1: i64 start_ms
  2: i64 end_ms
  3: i64 first_id
  4: string phase
  5: i32 stripes
  6: list<string> hosts
}

/* A window past the retention. Its tables are deleted after kept_until_ms. back: it was brought back. */
struct DroppedWindow {
  1: i64 start_ms
  2: i64 end_ms
  3: i64 dropped_at_ms
  4: i64 kept_until_ms
  5: i32 tables
  6: bool back
}

service TBird {
  roost.ServerInfo server_info() throws (1: roost.RoostException ex)

  /*
   * New ids, packed, rising. A create that brings them may be repeated when its answer was lost: the same create twice is one tweet. They are of this moment, and each
   * is given out once.
   */
  binary reserve_ids(1: i32 count, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* All are stored, or none. Returns their ids, packed, in the order of the drafts. AlreadyExists shows both contents in its fields stored and given. */
  binary create_tweets(1: list<TweetDraft> drafts, 2: roost.WriteOptions options) throws (1: roost.RoostException ex)

  void delete_tweets(1: Deletion deletion, 2: roost.WriteOptions options) throws (1: roost.RoostException ex)

  void undelete_tweets(1: Deletion deletion, 2: roost.WriteOptions options) throws (1: roost.RoostException ex)

  Tweets get_tweets(1: binary ids, 2: bool with_deleted, 3: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* One for each id. format: json or short, both a JSON object in UTF-8. */
  Fragments get_fragments(1: binary ids, 2: string format, 3: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* Ids, packed, newest first. */
  binary timeline_ids(1: TimelineRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  list<Tweet> timeline(1: TimelineRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* The same without the index, and how much was read for it. */
  ScanResult scan_timeline(1: TimelineRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* A user's tweets as fragments, newest first. */
  Fragments timeline_fragments(1: TimelineRequest request, 2: string format, 3: roost.ReadOptions options) throws (1: roost.RoostException ex)

  binary reply_ids(1: RelatedRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  binary retweet_ids(1: RelatedRequest request, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  /* Of users who have marked each tweet, of its retweets and of its replies. */
  TweetCounts tweet_counts(1: binary ids, 2: roost.ReadOptions options) throws (1: roost.RoostException ex)

  list<Window> list_windows() throws (1: roost.RoostException ex)

  /* Those that can be brought back, and those that were. */
  list<DroppedWindow> list_dropped_windows() throws (1: roost.RoostException ex)
}
