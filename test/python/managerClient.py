"""Uses Gizzard's manager and job injector as clients of their time do: generated code, and thrift's own transports.

usage: managerClient.py GENERATED_CODE HOST MANAGER_PORT INJECTOR_PORT framed|unframed DATABASE_HOST
Works on a cluster without tables; prints one JSON object of what the services answered.
"""
import base64
import json
import sys
import time

sys.path.insert(0, sys.argv[1])
from gizzard import Manager  # noqa: E402
from gizzard.ttypes import (  # noqa: E402
    AddLinkRequest, Forwarding, GizzardException, Host, HostStatus, HostWeightInfo, LogEntry, RemoveLinkRequest, ShardId,
    ShardInfo, TransformOperation)
from injector import JobInjector  # noqa: E402
from injector.ttypes import Job, JobException  # noqa: E402
from thrift.protocol import TBinaryProtocol  # noqa: E402
from thrift.Thrift import TApplicationException  # noqa: E402
from thrift.transport import TSocket, TTransport  # noqa: E402

host, manager_port, injector_port, transport_name, database = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6]
transports = []


def connect(service, port):
    socket = TSocket.TSocket(host, port)
    socket.setTimeout(10000)
    transport = TTransport.TFramedTransport(socket) if transport_name == 'framed' else TTransport.TBufferedTransport(socket)
    transport.open()
    transports.append(transport)
    return service.Client(TBinaryProtocol.TBinaryProtocol(transport))


manager = connect(Manager, manager_port)
injector = connect(JobInjector, injector_port)


def raised(call):
    try:
        call()
    except (GizzardException, JobException) as e:
        return e.description
    except TApplicationException as e:
        return 'TApplicationException: ' + e.message
    return None


def text(id):
    return id.hostname + '/' + id.table_prefix


def shard(info):
    return [text(info.id), info.class_name, info.source_type, info.destination_type, info.busy]


def link(info):
    return [text(info.up_id), text(info.down_id), info.weight]


def forwarding(f):
    return [f.table_id, str(f.base_id), text(f.shard_id)]


def remote(h):
    return [h.hostname, h.port, h.cluster, h.status]


out = {}
root, leaf, wrapper = ShardId('localhost', 'py_0001_replicating'), ShardId(database, 'py_0001'), ShardId('localhost', 'py_0001_block')
replicating = 'com.twitter.gizzard.shards.ReplicatingShard'
sql = 'com.twitter.flockdb.SqlShard'

# Shards, links and forwardings
manager.create_shard(ShardInfo(root, replicating, '', '', 0))
manager.create_shard(ShardInfo(leaf, sql, 'INT UNSIGNED', 'INT UNSIGNED', 0))
manager.create_shard(ShardInfo(leaf, sql, 'INT UNSIGNED', 'INT UNSIGNED', 0))
manager.add_link(root, leaf, 3)
manager.set_forwarding(Forwarding(7, 0, root))
manager.set_forwarding(Forwarding(-7, 0, root))
manager.set_forwarding(Forwarding(7, 2 ** 59, root))
out['shard'] = shard(manager.get_shard(leaf))
out['on_host'] = [shard(s) for s in manager.shards_for_hostname(database)]
out['up'] = [link(l) for l in manager.list_upward_links(leaf)]
out['down'] = [link(l) for l in manager.list_downward_links(root)]
out['no_links'] = manager.list_upward_links(ShardId('nowhere', 'nothing'))
out['tables'] = manager.list_tables()
out['hostnames'] = manager.list_hostnames()
out['forwardings'] = sorted(forwarding(f) for f in manager.get_forwardings())
out['forwarding'] = forwarding(manager.get_forwarding(7, 2 ** 59))
out['forwarding_for_shard'] = forwarding(manager.get_forwarding_for_shard(root))[2]
out['current'] = shard(manager.find_current_forwarding(7, 12345))
manager.set_host_weight(HostWeightInfo(database, 0.5, 0.25))
out['weights'] = [[w.hostname, w.weight_write, w.weight_read] for w in manager.list_host_weights()]
state = manager.dump_nameserver([7, -7, 99])
out['dump'] = [
    [s.table_id, sorted(shard(x)[0] for x in s.shards), [link(x) for x in s.links], len(s.forwardings), len(s.hostWeights)] for s in state]

# Busy
manager.mark_shard_busy(leaf, 1)
out['busy'] = [shard(s)[0] for s in manager.get_busy_shards()]
manager.mark_shard_busy(leaf, 0)
out['not_busy'] = manager.get_busy_shards()

# A batch, as the old tool wraps and unwraps
manager.batch_execute([
    TransformOperation(create_shard=ShardInfo(wrapper, 'BlockedShard', '', '', 0)),
    TransformOperation(add_link=AddLinkRequest(wrapper, leaf, 1)),
    TransformOperation(add_link=AddLinkRequest(root, wrapper, 3)),
    TransformOperation(remove_link=RemoveLinkRequest(root, leaf)),
])
out['wrapped'] = [link(l) for l in manager.list_downward_links(root)]
manager.batch_execute([
    TransformOperation(add_link=AddLinkRequest(root, leaf, 3)),
    TransformOperation(remove_link=RemoveLinkRequest(root, wrapper)),
    TransformOperation(remove_link=RemoveLinkRequest(root, wrapper)),
    TransformOperation(remove_link=RemoveLinkRequest(wrapper, leaf)),
    TransformOperation(delete_shard=wrapper),
])
out['unwrapped'] = [link(l) for l in manager.list_downward_links(root)]
manager.replace_forwarding(root, leaf)
out['replaced'] = sorted(forwarding(f) for f in manager.get_forwardings())
manager.replace_forwarding(leaf, root)
manager.replace_forwarding(wrapper, leaf)
manager.remove_forwarding(Forwarding(7, 2 ** 59, root))
out['left'] = len(manager.get_forwardings())

# Jobs
edges = {'flock.edges': {'graph': 7, 'edges': [{'source': 1, 'destination': 2}]}}
out['writing'] = [manager.is_writing(p) for p in (1, 2, 3)]
manager.stop_writes_for(1)
manager.stop_writes_for(2)
out['stopped'] = [manager.is_writing(p) for p in (1, 2, 3)]
injector.inject_jobs([Job(2, json.dumps(edges).encode()), Job(2, json.dumps(edges).encode(), True)])
out['queued'] = [manager.queue_size(p) for p in (1, 2, 3)]
manager.resume_writes()
out['resumed'] = [manager.is_writing(p) for p in (1, 2, 3)]
give_up = time.time() + 20
while manager.queue_size(2) > 0 and time.time() < give_up:
    time.sleep(0.02)
out['worked_off'] = [manager.queue_size(2), manager.error_queue_size(2)]
manager.retry_errors()
manager.retry_errors_for(3)
manager.stop_writes()
out['all_stopped'] = [manager.is_writing(p) for p in (1, 2, 3)]
manager.resume_writes_for(3)
manager.resume_writes()
manager.add_fanout('tap')
manager.add_fanout_for(1, 'slow')
out['fanout'] = manager.list_fanout()
manager.remove_fanout('tap')
manager.remove_fanout_for(1, 'slow')
out['no_fanout'] = manager.list_fanout()

# Copy, diff and repair, as the old tool asks for them: it marks the shards, and polls until nothing is busy
def until_moved():
    until = time.time() + 15
    while manager.get_busy_shards() and time.time() < until:
        time.sleep(0.02)
    return manager.get_busy_shards()


second = ShardId(database, 'py_0002')
manager.create_shard(ShardInfo(second, sql, 'INT UNSIGNED', 'INT UNSIGNED', 0))
manager.mark_shard_busy(leaf, 1)
manager.copy_shard([leaf, second])
out['copied'] = until_moved()
edges['flock.edges']['edges'] = [{'source': 1, 'destination': 3}]
injector.inject_jobs([Job(3, json.dumps(edges).encode())])
while manager.queue_size(3) > 0 and time.time() < give_up:
    time.sleep(0.02)
manager.diff_shards([leaf, second])
manager.repair_shard([leaf, second])
out['repaired'] = until_moved()
manager.diff_shards([leaf, second])

# A copy is cancelled, and a shard may be in two at a time
third = ShardId(database, 'py_0003')
manager.create_shard(ShardInfo(third, sql, 'INT UNSIGNED', 'INT UNSIGNED', 0))
manager.copy_shard([leaf, third])
manager.copy_shard([leaf, third])
manager.mark_shard_busy(third, 3)
out['cancelled'] = manager.get_shard(third).busy
for each in (leaf, third):
    manager.mark_shard_busy(each, 0)

# What is gone may be taken away again, and one shard is its own copy
manager.copy_shard([leaf])
manager.delete_shard(third)
manager.delete_shard(third)
manager.remove_link(leaf, root)
manager.remove_forwarding(Forwarding(7, 2 ** 59, root))
manager.remove_forwarding(Forwarding(7, 0, leaf))
manager.batch_execute([TransformOperation(delete_shard=third), TransformOperation(remove_link=RemoveLinkRequest(leaf, root))])

# Links come by weight, and a forwarding may come before what is below it
for prefix, weight in (('light', 1), ('heavy', 9), ('middle', 5)):
    child = ShardId('localhost', prefix)
    manager.create_shard(ShardInfo(child, replicating, '', '', 0))
    manager.add_link(child, leaf, 1)
    manager.add_link(root, child, weight)
out['by_weight'] = [l.weight for l in manager.list_downward_links(root)]
for prefix in ('light', 'heavy', 'middle'):
    manager.remove_link(root, ShardId('localhost', prefix))
bare = ShardId('localhost', 'bare')
manager.create_shard(ShardInfo(bare, replicating, '', '', 0))
manager.set_forwarding(Forwarding(7, 2 ** 59 + 5, bare))
out['bare'] = shard(manager.find_current_forwarding(7, 5))[0] is not None
manager.remove_forwarding(Forwarding(7, 2 ** 59 + 5, bare))

# Rollback logs
log = manager.log_create('moving')
out['log'] = [len(log), manager.log_get('moving') == log]
manager.log_entry_push(log, LogEntry(1, TransformOperation(commit=True)))
manager.log_entry_push(log, LogEntry(2, TransformOperation(set_forwarding=Forwarding(7, 2 ** 59 + 1, root))))
out['entries'] = [
    [e.id, e.command.commit, None if e.command.set_forwarding is None else forwarding(e.command.set_forwarding)] for e in manager.log_entry_peek(log, 5)]
manager.log_entry_pop(log, 2)
out['popped'] = [e.id for e in manager.log_entry_peek(log, 5)]

# Remote hosts
manager.add_remote_host(Host('far', 7921, 'west', HostStatus.Blocked))
manager.add_remote_host(Host('farther', 7921, 'east', HostStatus.Normal))
manager.set_remote_host_status('far', 7921, HostStatus.Blackholed)
out['remote'] = remote(manager.get_remote_host('far', 7921))
manager.set_remote_cluster_status('east', HostStatus.Blocked)
out['clusters'] = manager.list_remote_clusters()
out['remotes'] = sorted(remote(h) for h in manager.list_remote_hosts())
out['in_cluster'] = [remote(h) for h in manager.list_remote_hosts_in_cluster('east')]
manager.remove_remote_host('far', 7921)
manager.remove_remote_host('farther', 7921)
out['no_remotes'] = manager.list_remote_hosts()

manager.reload_updated_forwardings()
manager.reload_config()

id = ShardId('localhost', 'none_0001')
out['errors'] = {
    'no_shard': raised(lambda: manager.get_shard(id)),
    'bad_class': raised(lambda: manager.create_shard(ShardInfo(id, 'com.example.OtherShard', '', '', 0))),
    'bad_prefix': raised(lambda: manager.create_shard(ShardInfo(ShardId('localhost', 'a;b'), replicating, '', '', 0))),
    'other_type': raised(lambda: manager.create_shard(ShardInfo(root, 'BlockedShard', '', '', 0))),
    'unknown_host': raised(lambda: manager.create_shard(ShardInfo(ShardId('nowhere', 'x_0001'), sql, '', '', 0))),
    'linked': raised(lambda: manager.delete_shard(leaf)),
    'circle': raised(lambda: manager.add_link(root, root, 1)),
    'below_a_leaf': raised(lambda: manager.add_link(leaf, root, 1)),
    'negative_weight': raised(lambda: manager.add_link(root, leaf, -1)),
    'bad_busy': raised(lambda: manager.mark_shard_busy(leaf, 9)),
    'forward_to_nothing': raised(lambda: manager.set_forwarding(Forwarding(7, 5, id))),
    'base_too_large': raised(lambda: manager.set_forwarding(Forwarding(7, 2 ** 62, root))),
    'no_forwarding': raised(lambda: manager.get_forwarding(7, 3)),
    'no_table': raised(lambda: manager.find_current_forwarding(1234, 1)),
    'nan_weight': raised(lambda: manager.set_host_weight(HostWeightInfo(database, float('nan'), 1.0))),
    'commit_in_batch': raised(lambda: manager.batch_execute([TransformOperation(commit=True)])),
    'empty_operation': raised(lambda: manager.batch_execute([TransformOperation()])),
    'half_a_batch': raised(lambda: manager.batch_execute([
        TransformOperation(create_shard=ShardInfo(id, replicating, '', '', 0)), TransformOperation(add_link=AddLinkRequest(id, ShardId('localhost', 'other_0001'), 1))])),
    'nothing_of_it': raised(lambda: manager.get_shard(id)),
    'one_shard': raised(lambda: manager.repair_shard([leaf])),
    'bad_priority': raised(lambda: manager.is_writing(9)),
    'bad_fanout': raised(lambda: manager.add_fanout('bad')),
    'no_fanout': raised(lambda: manager.remove_fanout('none')),
    'no_log': raised(lambda: manager.log_get('none')),
    'short_log_id': raised(lambda: manager.log_entry_peek(b'123', 1)),
    'not_on_top': raised(lambda: manager.log_entry_pop(log, 7)),
    'no_host': raised(lambda: manager.get_remote_host('none', 1)),
    'bad_port': raised(lambda: manager.add_remote_host(Host('x', 99999, 'c', HostStatus.Normal))),
    'no_cluster': raised(lambda: manager.set_remote_cluster_status('none', HostStatus.Normal)),
    'no_json': raised(lambda: injector.inject_jobs([Job(1, b'{')])),
    'no_kind': raised(lambda: injector.inject_jobs([Job(1, b'{"x.y": {}}')])),
    'bad_job': raised(lambda: injector.inject_jobs([Job(1, b'{"flock.edges": {"graph": 7, "edges": [{"source": -1, "destination": 2}]}}')])),
    'job_without_table': raised(lambda: injector.inject_jobs([Job(1, b'{"flock.edges": {"graph": 8, "edges": [{"source": 1, "destination": 2}]}}')])),
    'bad_payload': raised(lambda: injector.inject_jobs([Job(1, json.dumps({'flock.edges': {'payload': base64.b64encode(b'xx').decode()}}).encode())])),
    'bad_job_priority': raised(lambda: injector.inject_jobs([Job(0, json.dumps(edges).encode())])),
}
out['still_connected'] = manager.list_tables()
print(json.dumps(out))
for transport in transports:
    transport.close()
