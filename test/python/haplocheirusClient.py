"""Uses the timeline store as a client of its time does: generated code, and thrift's own transports.

usage: haplocheirusClient.py GENERATED_CODE HOST PORT framed|unframed PREFIX
Writes timelines PREFIX1, PREFIX2 …, of which there are none; prints one JSON object of what the service answered.
"""
import json
import struct
import sys
import time

sys.path.insert(0, sys.argv[1])
from haplocheirus import TimelineStore  # noqa: E402
from haplocheirus.ttypes import TimelineGet, TimelineGetRange, TimelineSegmentState, TimelineStoreException  # noqa: E402
from thrift.protocol import TBinaryProtocol  # noqa: E402
from thrift.Thrift import TApplicationException  # noqa: E402
from thrift.transport import TSocket, TTransport  # noqa: E402

host, port, transport_name, prefix = sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
socket = TSocket.TSocket(host, port)
socket.setTimeout(10000)
transport = TTransport.TFramedTransport(socket) if transport_name == 'framed' else TTransport.TBufferedTransport(socket)
client = TimelineStore.Client(TBinaryProtocol.TBinaryProtocol(transport))
transport.open()

counts = 1 << 31


def entry(key, secondary=0, flags=0, rest=b''):
    return struct.pack('<qqI', key, secondary, flags) + rest


def keys(entries):
    return [struct.unpack('<q', e[:8])[0] for e in entries]


def segment(s):
    return [keys(s.entries), s.size, TimelineSegmentState._VALUES_TO_NAMES[s.state]]


def name(id):
    return prefix + str(id)


def raised(call):
    try:
        call()
    except TimelineStoreException as e:
        return e.description
    except TApplicationException as e:
        return 'TApplicationException: ' + e.message
    return None


def stored(id):
    return keys(client.get(name(id), 0, 0, False).entries)


# Writes are answered once journaled, so that reads may have to wait for a moment.
def eventually(read, expected):
    give_up = time.time() + 10
    while read() != expected:
        if time.time() > give_up:
            raise Exception('never became %r: %r' % (expected, read()))
        time.sleep(0.005)


out = {}
missing = name(99)
client.store(name(1), [entry(k) for k in range(1, 31)])
client.store(name(2), [])
out['empty'] = segment(client.get(name(2), 0, 0, False))

# Append and remove, to several timelines, of which one is not there.
client.append(entry(40, rest=b'more'), prefix, [1, 2, 99])
eventually(lambda: stored(2), [40])
eventually(lambda: stored(1)[:2], [40, 30])
out['rest'] = client.get(name(2), 0, 1, False).entries[0][20:].decode()
client.remove(entry(40), prefix, [1, 2, 99])
eventually(lambda: stored(2), [])
eventually(lambda: stored(1)[0], 30)

# Reads
out['get'] = segment(client.get(name(1), 10, 20, False))
out['page'] = segment(client.get(name(1), 28, 20, False))
out['range'] = segment(client.get_range(name(1), 25, 28, False))
out['since'] = segment(client.get_range(name(1), 28, 0, False))
client.store(name(3), [entry(k) for k in (50, 51, 52)])
out['below'] = segment(client.get_range(name(3), 0, 49, False))
out['multi'] = [segment(s) for s in client.get_multi(
    [TimelineGet(name(3), 0, 2), TimelineGet(missing, 0, 2), TimelineGet(name(2), 0, 2)])]
out['range_multi'] = [segment(s) for s in client.get_range_multi(
    [TimelineGetRange(name(3), 50, 0), TimelineGetRange(missing, 0, 0)])]

# A retweet after its original: gone where the reader dedupes, found by either key.
client.store(name(4), [entry(60), entry(61, 60, counts), entry(62, 60, 0)])
out['as_stored'] = stored(4)
out['deduped'] = segment(client.get(name(4), 0, 0, True))
out['multi_deduped'] = segment(client.get_multi([TimelineGet(name(4), 0, 0, True)])[0])
out['range_deduped'] = segment(client.get_range(name(4), 0, 0, True))
out['filter'] = keys(client.filter(name(4), [entry(60), entry(62)], -1))
# What comes back is what the caller gave.
out['filter_own'] = client.filter(name(4), [entry(60, rest=b'mine')], -1)[-1][20:].decode()
out['filter_newest'] = keys(client.filter(name(4), [entry(60)], 1))
out['filter2'] = keys(client.filter2(name(4), [60, 7], -1))

# Merges
client.merge(name(3), [entry(49), entry(51), entry(53)])
eventually(lambda: stored(3), [53, 52, 51, 50, 49])
client.unmerge(name(3), [entry(52), entry(1)])
eventually(lambda: stored(3), [53, 51, 50, 49])
out['merge_indirect'] = [client.merge_indirect(name(3), name(4)), client.merge_indirect(name(3), missing)]
eventually(lambda: stored(3), [62, 61, 60, 53, 51, 50, 49])
out['unmerge_indirect'] = [client.unmerge_indirect(name(3), name(4)), client.unmerge_indirect(name(3), missing)]
eventually(lambda: stored(3), [53, 51, 50, 49])
client.merge(missing, [entry(1)])
client.unmerge(missing, [entry(1)])
client.delete_timeline(name(1))
eventually(lambda: raised(lambda: client.get(name(1), 0, 0, False)) is None, False)

out['misses'] = {
    'deleted': raised(lambda: client.get(name(1), 0, 0, False)),
    'get': raised(lambda: client.get(missing, 0, 0, False)),
    'get_range': raised(lambda: client.get_range(missing, 0, 0, False)),
    'filter': raised(lambda: client.filter(missing, [entry(1)], -1)),
    'filter2': raised(lambda: client.filter2(missing, [1], -1)),
}
out['errors'] = {
    'offset': raised(lambda: client.get(name(3), -1, 1, False)),
    'entry': raised(lambda: client.append(b'', prefix, [1])),
    'nobody': raised(lambda: client.append(entry(1), prefix, [])),
    'name': raised(lambda: client.get('', 0, 0, False)),
    'multi': raised(lambda: client.get_multi([TimelineGet(name(3), -1, 1)])),
}
out['still_connected'] = stored(3)
print(json.dumps(out))
transport.close()
