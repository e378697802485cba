/*
 * Gizzard's manager: the topology of a cluster, its jobs and the clusters that it replicates to, for the tools of DBAs.
 * Numbers and types are those of the original service, so that its clients work unchanged.
 */
namespace rb Gizzard
namespace py gizzard
namespace js gizzard

exception GizzardException {
  1: string description
}

struct ShardId {
  1: string hostname
  2: string table_prefix
}

/* busy: 0 normal, 1 busy, 2 error, 3 cancelled. */
struct ShardInfo {
  1: ShardId id
  2: string class_name
  3: string source_type
  4: string destination_type
  5: i32 busy
}

struct LinkInfo {
  1: ShardId up_id
  2: ShardId down_id
  3: i32 weight
}

struct HostWeightInfo {
  1: string hostname
  2: double weight_write
  3: double weight_read
}

struct Forwarding {
  1: i32 table_id
  2: i64 base_id
  3: ShardId shard_id
}

/* One table: its forwardings, the trees below them, and the links of those. */
struct NameServerState {
  1: list<ShardInfo> shards
  2: list<LinkInfo> links
  3: list<Forwarding> forwardings
  4: i32 table_id
  5: optional list<HostWeightInfo> hostWeights = []
}

enum HostStatus {
  Normal = 0
  Blackholed = 1
  Blocked = 2
}

struct Host {
  1: string hostname
  2: i32 port
  3: string cluster
  4: HostStatus status
}

struct AddLinkRequest {
  1: required ShardId up_id
  2: required ShardId down_id
  3: required i32 weight
}

struct RemoveLinkRequest {
  1: required ShardId up_id
  2: required ShardId down_id
}

union TransformOperation {
  1: ShardInfo create_shard
  2: ShardId delete_shard
  3: AddLinkRequest add_link
  4: RemoveLinkRequest remove_link
  5: Forwarding set_forwarding
  6: Forwarding remove_forwarding
  7: bool commit
}

struct LogEntry {
  1: i32 id
  2: required TransformOperation command
}

service Manager {
  /* State. Both reload the whole topology of the server that is asked. */
  void reload_updated_forwardings() throws (1: GizzardException ex)
  void reload_config() throws (1: GizzardException ex)
  ShardInfo find_current_forwarding(1: i32 table_id, 2: i64 id) throws (1: GizzardException ex)
  list<NameServerState> dump_nameserver(1: list<i32> table_id) throws (1: GizzardException ex)
  list<i32> list_tables() throws (1: GizzardException ex)
  list<string> list_hostnames() throws (1: GizzardException ex)

  /* Shards */
  void create_shard(1: ShardInfo shard) throws (1: GizzardException ex)
  void delete_shard(1: ShardId id) throws (1: GizzardException ex)
  ShardInfo get_shard(1: ShardId id) throws (1: GizzardException ex)
  list<ShardInfo> shards_for_hostname(1: string hostname) throws (1: GizzardException ex)
  list<ShardInfo> get_busy_shards() throws (1: GizzardException ex)
  void mark_shard_busy(1: ShardId id, 2: i32 busy) throws (1: GizzardException ex)

  /* Links */
  void add_link(1: ShardId up_id, 2: ShardId down_id, 3: i32 weight) throws (1: GizzardException ex)
  void remove_link(1: ShardId up_id, 2: ShardId down_id) throws (1: GizzardException ex)
  list<LinkInfo> list_upward_links(1: ShardId id) throws (1: GizzardException ex)
  list<LinkInfo> list_downward_links(1: ShardId id) throws (1: GizzardException ex)

  /* Weights */
  void set_host_weight(1: HostWeightInfo hostWeight) throws (1: GizzardException ex)
  list<HostWeightInfo> list_host_weights() throws (1: GizzardException ex)

  /* Forwardings */
  void set_forwarding(1: Forwarding forwarding) throws (1: GizzardException ex)
  void replace_forwarding(1: ShardId old_id, 2: ShardId new_id) throws (1: GizzardException ex)
  void remove_forwarding(1: Forwarding forwarding) throws (1: GizzardException ex)
  Forwarding get_forwarding(1: i32 table_id, 2: i64 base_id) throws (1: GizzardException ex)
  Forwarding get_forwarding_for_shard(1: ShardId shard_id) throws (1: GizzardException ex)
  list<Forwarding> get_forwardings() throws (1: GizzardException ex)

  /* Data. The work goes on after the answer; the shards are busy until it is done. All operations of a batch are made, or none. */
  void copy_shard(1: list<ShardId> shard_ids) throws (1: GizzardException ex)
  void repair_shard(1: list<ShardId> shard_ids) throws (1: GizzardException ex)
  void diff_shards(1: list<ShardId> shard_ids) throws (1: GizzardException ex)
  void batch_execute(1: list<TransformOperation> commands) throws (1: GizzardException ex)

  /* Jobs. Priorities: 1 low, 2 medium, 3 high. */
  void retry_errors() throws (1: GizzardException ex)
  void stop_writes() throws (1: GizzardException ex)
  void resume_writes() throws (1: GizzardException ex)
  void retry_errors_for(1: i32 priority) throws (1: GizzardException ex)
  void stop_writes_for(1: i32 priority) throws (1: GizzardException ex)
  void resume_writes_for(1: i32 priority) throws (1: GizzardException ex)
  bool is_writing(1: i32 priority) throws (1: GizzardException ex)
  i32 queue_size(1: i32 priority) throws (1: GizzardException ex)
  i32 error_queue_size(1: i32 priority) throws (1: GizzardException ex)
  void add_fanout(1: string suffix) throws (1: GizzardException ex)
  void remove_fanout(1: string suffix) throws (1: GizzardException ex)
  list<string> list_fanout() throws (1: GizzardException ex)
  void add_fanout_for(1: i32 priority, 2: string suffix) throws (1: GizzardException ex)
  void remove_fanout_for(1: i32 priority, 2: string suffix) throws (1: GizzardException ex)

  /* Rollback logs: stacks of operations, the greatest id on top. */
  binary log_create(1: string log_name) throws (1: GizzardException ex)
  binary log_get(1: string log_name) throws (1: GizzardException ex)
  void log_entry_push(1: binary log_id, 2: LogEntry log_entry) throws (1: GizzardException ex)
  list<LogEntry> log_entry_peek(1: binary log_id, 2: i32 count) throws (1: GizzardException ex)
  void log_entry_pop(1: binary log_id, 2: i32 log_entry_id) throws (1: GizzardException ex)

  /* Remote hosts */
  void add_remote_host(1: Host host) throws (1: GizzardException ex)
  void remove_remote_host(1: string hostname, 2: i32 port) throws (1: GizzardException ex)
  void set_remote_host_status(1: string hostname, 2: i32 port, 3: HostStatus status) throws (1: GizzardException ex)
  void set_remote_cluster_status(1: string cluster, 2: HostStatus status) throws (1: GizzardException ex)
  Host get_remote_host(1: string hostname, 2: i32 port) throws (1: GizzardException ex)
  list<string> list_remote_clusters() throws (1: GizzardException ex)
  list<Host> list_remote_hosts() throws (1: GizzardException ex)
  list<Host> list_remote_hosts_in_cluster(1: string cluster) throws (1: GizzardException ex)
}
