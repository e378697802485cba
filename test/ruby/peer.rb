# Sets up a table through the manager, fills it through FlockDB's service and the job injector, and copies it, as clients of their time do: generated
# code, and Thrift's own transports.
#
# usage: ruby -I GENERATED_CODE peer.rb HOST FLOCK_PORT MANAGER_PORT INJECTOR_PORT framed|unframed DATABASE_HOST TABLE [CA_FILE CERTIFICATE_FILE KEY_FILE]
# The cluster must not have the table. Prints one JSON object of what the services answered.
require 'json'
require 'openssl'
require 'thrift'
require 'manager'
require 'job_injector'
require 'flock_d_b'

include Gizzard
include Flock::Edges

HOST, TRANSPORT, DATABASE, TABLE, CA, CERTIFICATE, KEY = ARGV[0], ARGV[4], ARGV[5], Integer(ARGV[6]), *ARGV[7..9]

# With a time limit, Thrift's encrypted socket waits for bytes that it has read already.
def secure_socket(port)
  context = OpenSSL::SSL::SSLContext.new
  context.set_params(:ca_file => CA, :cert => OpenSSL::X509::Certificate.new(File.read(CERTIFICATE)), :key => OpenSSL::PKey.read(File.read(KEY)))
  Thrift::SSLSocket.new(HOST, port, nil, context)
end

def connect(service, port)
  socket = CA ? secure_socket(Integer(port)) : Thrift::Socket.new(HOST, Integer(port), 10)
  transport = TRANSPORT == 'framed' ? Thrift::FramedTransport.new(socket) : Thrift::BufferedTransport.new(socket)
  transport.open
  service::Client.new(Thrift::BinaryProtocol.new(transport))
end

def eventually(expected)
  give_up = Time.now + 10
  until (found = yield) == expected
    raise "never became #{expected.inspect}, but #{found.inspect}" if Time.now > give_up
    sleep 0.02
  end
end

def raised(kind)
  yield
  nil
rescue kind => e
  e.description
end

def text(id)
  "#{id.hostname}/#{id.table_prefix}"
end

def shard(hostname, prefix)
  ShardId.new(:hostname => hostname, :table_prefix => prefix)
end

def info(id, class_name, type = '')
  ShardInfo.new(:id => id, :class_name => class_name, :source_type => type, :destination_type => type, :busy => 0)
end

def term(source, destinations = nil)
  QueryTerm.new(:source_id => source, :graph_id => TABLE, :is_forward => true, :destination_ids => destinations && destinations.pack('q<*'))
end

def simple(source)
  SelectOperation.new(:operation_type => SelectOperationType::SimpleQuery, :term => term(source))
end

flock, manager, injector = connect(FlockDB, ARGV[1]), connect(Manager, ARGV[2]), connect(JobInjector, ARGV[3])
answers = {}

root, leaf, copy, backward = shard('localhost', "rb_#{TABLE}_root"), shard(DATABASE, "rb_#{TABLE}"), shard(DATABASE, "rb_#{TABLE}_copy"), shard(DATABASE, "rb_#{TABLE}_backward")
manager.create_shard(info(root, 'com.twitter.gizzard.shards.ReplicatingShard'))
[leaf, copy, backward].each { |id| manager.create_shard(info(id, 'com.twitter.flockdb.SqlShard', 'INT UNSIGNED')) }
manager.add_link(root, leaf, 2)
{ TABLE => root, -TABLE => backward }.each { |table, id| manager.set_forwarding(Forwarding.new(:table_id => table, :base_id => 0, :shard_id => id)) }
manager.reload_updated_forwardings
answers[:tables] = manager.list_tables.select { |table| table.abs == TABLE }.sort
answers[:down] = manager.list_downward_links(root).map { |link| [text(link.down_id), link.weight] }
answers[:current] = text(manager.find_current_forwarding(TABLE, 2**40).id)
answers[:dump] = manager.dump_nameserver([TABLE]).map { |state| [state.table_id, state.shards.length, state.links.length, state.forwardings.length] }

add = (2..5).map { |id| ExecuteOperation.new(:operation_type => ExecuteOperationType::Add, :term => term(1, [id]), :position => id) }
flock.execute(ExecuteOperations.new(:operations => add, :priority => Priority::High))
edges = { 'flock.edges' => { 'graph' => TABLE, 'edges' => [{ 'source' => 1, 'destination' => 6, 'position' => 6 }] } }
injector.inject_jobs([Job.new(:priority => 3, :contents => edges.to_json)])
eventually(5) { flock.count2([[simple(1)]]).unpack('l<')[0] }
page = flock.select2([SelectQuery.new(:operations => [simple(1)], :page => Page.new(:count => 3, :cursor => -1))])[0]
answers[:page] = [page.ids.unpack('q<*'), page.next_cursor, page.prev_cursor]
answers[:contains] = [flock.contains(1, TABLE, 6), flock.contains(6, TABLE, 1)]
answers[:edge] = flock.get(1, TABLE, 3).position

manager.copy_shard([leaf, copy])
eventually([]) { manager.get_busy_shards.map { |each| text(each.id) } }
manager.add_link(root, copy, 1)
manager.remove_link(root, leaf)
manager.reload_updated_forwardings
answers[:from_the_copy] = flock.select2([SelectQuery.new(:operations => [simple(1)], :page => Page.new(:count => 10, :cursor => -1))])[0].ids.unpack('q<*')

answers[:errors] = {
  :no_shard => raised(GizzardException) { manager.get_shard(shard('localhost', 'none')) },
  :no_graph => raised(FlockException) { flock.contains(1, 9999, 2) },
  :no_json => raised(JobException) { injector.inject_jobs([Job.new(:priority => 3, :contents => '{')]) },
}
answers[:still_there] = flock.contains(1, TABLE, 2)
puts answers.to_json
