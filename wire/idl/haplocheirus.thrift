/*
 * Haplocheirus, the timeline store. Numbers, names and types are those of the original service, so that its clients work unchanged.
 *
 * An entry is binary: the key by which it is sorted (8 bytes), a secondary key (8), flags (4), all little-endian, and anything behind them. Bit 31 of the flags makes
 * the secondary key count for dedupe and filters.
 */
namespace java com.twitter.haplocheirus.thrift
namespace rb Haplocheirus
namespace py haplocheirus
namespace js haplocheirus

exception TimelineStoreException {
  1: string description
}

enum TimelineSegmentState {
  HIT,
  MISS,
  TIMEOUT
}

/* entries: newest first. size: of the whole timeline. */
struct TimelineSegment {
  1: list<binary> entries
  2: i32 size
  3: optional TimelineSegmentState state = 0
}

/* length: how many entries, from the offset on; 0 or less takes all that follow. */
struct TimelineGet {
  1: string timeline_id
  2: i32 offset
  3: i32 length
  4: optional bool dedupe = 0
}

/* Entries with keys above from_id and below to_id; 0 or less is no bound. */
struct TimelineGetRange {
  1: string timeline_id
  2: i64 from_id
  3: i64 to_id
  4: optional bool dedupe = 0
}

service TimelineStore {
  /* The timelines are the prefix and each id in base 10. Those that were never stored are left alone. */
  void append(1: binary entry, 2: string timeline_prefix, 3: list<i64> timeline_ids) throws (1: TimelineStoreException ex)
  void remove(1: binary entry, 2: string timeline_prefix, 3: list<i64> timeline_ids) throws (1: TimelineStoreException ex)

  /* The entries of the timeline that have one of the keys, among its newest max_search; -1 searches all. */
  list<binary> filter(1: string timeline_id, 2: list<binary> entries, 3: i32 max_search) throws (1: TimelineStoreException ex)
  list<binary> filter2(1: string timeline_id, 2: list<i64> id, 3: i32 max_search) throws (1: TimelineStoreException ex)

  TimelineSegment get(1: string timeline_id, 2: i32 offset, 3: i32 length, 4: bool dedupe) throws (1: TimelineStoreException ex)
  /* A timeline that is missing is a MISS, one that did not answer in time a TIMEOUT. */
  list<TimelineSegment> get_multi(1: list<TimelineGet> gets)
  TimelineSegment get_range(1: string timeline_id, 2: i64 from_id, 3: i64 to_id, 4: bool dedupe) throws (1: TimelineStoreException ex)
  list<TimelineSegment> get_range_multi(1: list<TimelineGetRange> get_ranges)

  /* Makes the timeline of these entries alone, in one step. */
  void store(1: string timeline_id, 2: list<binary> entries) throws (1: TimelineStoreException ex)
  void merge(1: string timeline_id, 2: list<binary> entries) throws (1: TimelineStoreException ex)
  void unmerge(1: string timeline_id, 2: list<binary> entries) throws (1: TimelineStoreException ex)
  /* Whether the source was there. */
  bool merge_indirect(1: string dest_timeline_id, 2: string source_timeline_id) throws (1: TimelineStoreException ex)
  bool unmerge_indirect(1: string dest_timeline_id, 2: string source_timeline_id) throws (1: TimelineStoreException ex)
  void delete_timeline(1: string timeline_id) throws (1: TimelineStoreException ex)
}
