"""Uses the Users service as any language does: generated code, and thrift's own transports.

usage: usersClient.py GENERATED_CODE HOST PORT framed|unframed USER_ID
Writes users USER_ID and USER_ID + 1, of which there are none; prints one JSON object of what the service answered.
"""
import json
import struct
import sys

sys.path.insert(0, sys.argv[1])
from roost.ttypes import Acknowledgment, ReadOptions, RoostException, WriteOptions  # noqa: E402
from thrift.protocol import TBinaryProtocol  # noqa: E402
from thrift.transport import TSocket, TTransport  # noqa: E402
from users import Users  # noqa: E402
from users.ttypes import User, UserChange  # noqa: E402

host, port, transport_name, first = sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
socket = TSocket.TSocket(host, port)
socket.setTimeout(10000)
transport = TTransport.TFramedTransport(socket) if transport_name == 'framed' else TTransport.TBufferedTransport(socket)
client = Users.Client(TBinaryProtocol.TBinaryProtocol(transport))
transport.open()

done = WriteOptions(acknowledgment=Acknowledgment.Materialized)
pack = lambda ids: struct.pack('<%dq' % len(ids), *ids)


def get(*ids):
    answer = client.get_users(pack(ids), ReadOptions())
    return {'users': [[u.id, u.name.decode('utf-8'), u.screen_name.decode('utf-8'), u.flags] for u in answer.users], 'found': list(bytearray(answer.found))}


def raised(call):
    try:
        call()
    except RoostException as e:
        return [e.code, e.description]
    return None


out = {'before': get(first)}
client.put_users([User(first, u'J\u00e4ck'.encode('utf-8'), b'jack', 2), User(first + 1, b'Biz', b'biz', 0)], done)
out['put'] = get(first + 1, first + 2, first)
client.change_users([UserChange(first, name=b'Jack'), UserChange(first + 1, flags=5)], done)
out['changed'] = get(first, first + 1)
client.remove_users(pack([first]), done)
out['removed'] = get(first, first + 1)
out['errors'] = {
    'name': raised(lambda: client.put_users([User(first, b'', b'jack', 0)], done)),
    'utf8': raised(lambda: client.put_users([User(first, b'\xff', b'jack', 0)], done)),
    'missing': raised(lambda: client.put_users([User(first, b'a', None, 0)], done)),
    'id': raised(lambda: client.get_users(pack([-1]), ReadOptions())),
    'half': raised(lambda: client.get_users(b'1234', ReadOptions())),
}
print(json.dumps(out))
