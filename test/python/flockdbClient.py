"""Uses a FlockDB service as a client of its time does: generated code, and thrift's own transports.

usage: flockdbClient.py GENERATED_CODE HOST PORT framed|unframed GRAPH_ID SOURCE_ID [CA_FILE CERTIFICATE_FILE KEY_FILE]
Writes edges SOURCE_ID -> SOURCE_ID + 1 ... + 5 in a graph that has none of that source; prints one JSON object of what the service answered.
"""
import json
import struct
import sys
import time

sys.path.insert(0, sys.argv[1])
from flockdb import FlockDB  # noqa: E402
from flockdb.ttypes import (  # noqa: E402
    EdgeQuery, EdgeState, ExecuteOperation, ExecuteOperations, ExecuteOperationType, FlockException, Page, Priority,
    QueryTerm, SelectOperation, SelectOperationType, SelectQuery)
from thrift.protocol import TBinaryProtocol  # noqa: E402
from thrift.Thrift import TApplicationException  # noqa: E402
from thrift.transport import TSocket, TTransport  # noqa: E402

host, port, transport_name, graph, source = sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6])
if len(sys.argv) > 7:
    from thrift.transport import TSSLSocket

    socket = TSSLSocket.TSSLSocket(host, port, ca_certs=sys.argv[7], certfile=sys.argv[8], keyfile=sys.argv[9])
else:
    socket = TSocket.TSocket(host, port)
socket.setTimeout(10000)
transport = TTransport.TFramedTransport(socket) if transport_name == 'framed' else TTransport.TBufferedTransport(socket)
client = FlockDB.Client(TBinaryProtocol.TBinaryProtocol(transport))
transport.open()

others = [source + i for i in range(1, 6)]
pack = lambda ids: struct.pack('<%dq' % len(ids), *ids)
unpack = lambda ids: list(struct.unpack('<%dq' % (len(ids) // 8), ids))


def term(id, forward, ids=None, states=None):
    return QueryTerm(id, graph, forward, None if ids is None else pack(ids), states)


def execute(kind, term, position=None, at=None):
    client.execute(ExecuteOperations([ExecuteOperation(kind, term, position)], at, Priority.High))


def simple(term):
    return SelectOperation(SelectOperationType.SimpleQuery, term)


def raised(call):
    try:
        call()
    except FlockException as e:
        return e.description
    except TApplicationException as e:
        return 'TApplicationException: ' + e.message
    return None


def page(results):
    return {'ids': unpack(results.ids), 'next': str(results.next_cursor), 'prev': str(results.prev_cursor)}


# Writes are answered once journaled, so that reads may have to wait for a moment.
def eventually(read, expected):
    give_up = time.time() + 10
    while read() != expected:
        if time.time() > give_up:
            raise Exception('never became %r' % (expected,))
        time.sleep(0.02)


for i, other in enumerate(others[:3]):
    execute(ExecuteOperationType.Add, term(source, True, [other]), i + 1, 1300000000)
# The same edges again from the other end, several at a time.
execute(ExecuteOperationType.Add, term(others[3], False, [source]), 4, 1300000000)
execute(ExecuteOperationType.Negate, term(source, True, [others[4]]), 5, 1300000000)
eventually(lambda: [client.contains(source, graph, other) for other in others], [True] * 5)
eventually(lambda: client.contains_metadata(source, graph), True)
execute(ExecuteOperationType.Remove, term(source, True, [others[0]]), None, 1300000001)
eventually(lambda: client.contains(source, graph, others[0]), False)
eventually(lambda: struct.unpack('<i', client.count2([[simple(term(source, True))]]))[0], 3)
eventually(lambda: struct.unpack('<i', client.count2([[simple(term(others[3], False))]]))[0], 1)

edge = client.get(source, graph, others[1])
metadata = client.get_metadata(source, graph)
first = client.select2([SelectQuery([simple(term(source, True))], Page(2, -1))])[0]
second = client.select2([SelectQuery([simple(term(source, True))], Page(2, first.next_cursor))])[0]
back = client.select2([SelectQuery([simple(term(source, True))], Page(2, second.prev_cursor))])[0]
both = [simple(term(source, True)), simple(term(source, True, [others[1], others[2], others[4]])), SelectOperation(SelectOperationType.Intersection, None)]
edges = client.select_edges([EdgeQuery(term(source, True, None, [EdgeState.Removed, EdgeState.Negative]), Page(10, -1))])[0]

# Mass operations: on all edges of a node, in either direction.
aside = source + 100
execute(ExecuteOperationType.Add, term(aside, True, [aside + 1, aside + 2]))
eventually(lambda: [client.contains(aside, graph, aside + i) for i in (1, 2)], [True] * 2)
execute(ExecuteOperationType.Archive, term(aside, True))
eventually(lambda: [client.get(aside, graph, aside + i).state_id for i in (1, 2)], [EdgeState.Archived] * 2)
execute(ExecuteOperationType.Remove, term(aside + 2, False))
eventually(lambda: [client.get(aside, graph, aside + i).state_id for i in (1, 2)], [EdgeState.Archived, EdgeState.Removed])

print(json.dumps({
    'edge': [edge.source_id, edge.destination_id, edge.position, edge.updated_at, edge.state_id],
    'metadata': [metadata.source_id, metadata.state_id, metadata.count],
    'first': page(first),
    'second': page(second),
    'back': page(back),
    'intersection': page(client.select2([SelectQuery(both, Page(10, -1))])[0]),
    'counts': list(struct.unpack('<2i', client.count2([[simple(term(source, True))], both]))),
    'old_count': client.count([simple(term(source, True))]),
    'old_select': page(client.select([simple(term(source, True))], Page(10, -1))),
    'edges': [[e.source_id, e.destination_id, e.state_id] for e in edges.edges],
    'errors': {
        'no_edge': raised(lambda: client.get(source, graph, source)),
        'no_metadata': raised(lambda: client.get_metadata(source + 1000, graph)),
        'no_graph': raised(lambda: client.contains(source, 9999, source)),
        'one_operand': raised(lambda: client.select2([SelectQuery(both[1:], Page(10, -1))])),
        'two_left': raised(lambda: client.select2([SelectQuery(both[:2], Page(10, -1))])),
        'no_destinations': raised(lambda: execute(ExecuteOperationType.Add, term(source, True, []))),
        'negative_id': raised(lambda: execute(ExecuteOperationType.Add, term(-5, True, [1]))),
        'half_an_id': raised(lambda: client.execute(ExecuteOperations(
            [ExecuteOperation(ExecuteOperationType.Add, QueryTerm(source, graph, True, b'123'))], None, Priority.High))),
    },
    'still_connected': client.contains(source, graph, others[1]),
}))
transport.close()
