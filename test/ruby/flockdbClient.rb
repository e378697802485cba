# Uses FlockDB's own Ruby client, unchanged, on a server, and prints one JSON object of what it answered.
#
# usage: ruby -I CLIENT/lib -I THRIFT_CLIENT/lib flockdbClient.rb HOST:PORT
# Graph 1 must be empty of edges of the ids 1 to 99 and graph 2 of those of 1.
require 'json'
require 'flock'

# The client takes an exception of the service for a dead server, which it would leave alone for a second.
flock = Flock.new([ARGV[0]], :graphs => { :follows => 1, :blocks => 2, :nothing => 99 }, :timeout => 10, :server_retry_period => nil)

# Writes are answered once journaled, so that reads may have to wait for a moment.
def eventually(expected)
  give_up = Time.now + 10
  until (found = yield) == expected
    raise "never became #{expected.inspect}, but #{found.inspect}" if Time.now > give_up
    sleep 0.02
  end
end

def raised
  yield
  nil
rescue Flock::FlockException => e
  e.description
end

answers = {}

# add, and remove, one by one and several at once, from either end
(2..6).each { |id| flock.add(1, :follows, id, :position => id) }
flock.add([7, 8], :follows, 1)
flock.add(1, :follows, [10, 11])
eventually([7, 2]) { [flock.size(1, :follows, nil), flock.count(nil, :follows, 1)] }
flock.remove(1, :follows, [10, 11])
eventually(5) { flock.size(1, :follows, nil) }

# select, of ids and of edges, and pages of them
answers[:select] = flock.select(1, :follows, nil).to_a
answers[:backward] = flock.select(nil, :follows, 1).to_a
answers[:among] = flock.select(1, :follows, [2, 3, 99]).to_a
answers[:removed] = flock.select(1, :follows, nil, [:removed]).to_a.sort
answers[:edges] = flock.select(1, :follows, nil).edges.map { |edge| [edge.source_id, edge.destination_id, edge.position, edge.state_id] }
answers[:get] = flock.get(1, :follows, 10).state_id
answers[:contains] = [flock.contains(1, :follows, 2), flock.contains(1, :follows, 10), flock.contains(2, :follows, 1)]

pages = flock.select(1, :follows, nil).paginate(2)
first = pages.current_page.dup
second = pages.next_page.dup
third = pages.next_page.dup
answers[:paginate] = [first, second, third, pages.next_page?, pages.prev_page?, pages.next_page? ? nil : pages.prev_page]
answers[:take] = flock.select(1, :follows, nil).operation.take(3)
page = lambda { |cursor| flock.select(1, :follows, nil).paginate(2, cursor).unapply }
there = page[page[-1][1]]
answers[:stateless] = [there[0], page[there[2]][0], page[there[1]][0]]

# archive, and unarchive: the edge comes back to its place
flock.archive(1, :follows, 4)
eventually([6, 5, 3, 2]) { flock.select(1, :follows, nil).to_a }
answers[:archived] = flock.select(1, :follows, nil, :archived).to_a
flock.unarchive(1, :follows, 4, :position => 4)
eventually([6, 5, 4, 3, 2]) { flock.select(1, :follows, nil).to_a }

# the same for all edges of a node, in either direction
flock.archive(1, :follows, nil)
eventually(0) { flock.size(1, :follows, nil) }
answers[:mass] = [flock.size(1, :follows, nil, :archived), flock.size(nil, :follows, 1), flock.service.get_metadata(1, 1).state_id]
flock.unarchive(1, :follows, nil)
eventually([6, 5, 4, 3, 2]) { flock.select(1, :follows, nil).to_a }
flock.remove(nil, :follows, 1)
eventually([0, 0]) { [flock.size(nil, :follows, 1), flock.size(7, :follows, nil)] }
flock.negate(1, :blocks, 2)
eventually([2]) { flock.select(1, :blocks, nil, :negative).to_a }

# transaction: all operations in one call
flock.transaction do |transaction|
  transaction.add(3, :follows, 20)
  transaction.add(4, :follows, [20, 21])
  transaction.remove(1, :follows, 6)
  transaction.archive(50, :follows, nil)
end
eventually([[4, 3], false, true]) { [flock.select(nil, :follows, 20).to_a.sort.reverse, flock.contains(1, :follows, 6), flock.service.contains_metadata(50, 1)] }
flock.transaction(Flock::Priority::Low, :execute_at => 1_300_000_000) { |transaction| transaction.add(60, :follows, 61) }
eventually([1_300_000_000]) { flock.select(60, :follows, nil).edges.map(&:updated_at) }

# intersect, union and difference, nested
answers[:intersect] = flock.select(nil, :follows, 20).intersect(nil, :follows, 21).to_a
answers[:union] = flock.select(nil, :follows, 20).union(1, :follows, nil).to_a
answers[:difference] = flock.select(1, :follows, nil).difference(nil, :follows, 20).to_a
answers[:nested] = flock.select(1, :follows, nil).difference(flock.select(nil, :follows, 20).intersect(nil, :follows, 21)).paginate(2).current_page
answers[:sizes] = [flock.select(1, :follows, nil).union(nil, :follows, 20).size, flock.select(1, :follows, nil).intersect(nil, :follows, 20).size]
answers[:empty] = flock.select(1, :follows, nil).intersect(nil, :follows, 77).empty?
answers[:multi] = flock.multi { |all| all.select(1, :follows, nil); all.select(nil, :follows, 21) }.to_a.map(&:to_a)

answers[:errors] = {
  :no_graph => raised { flock.size(1, :nothing, nil) },
  :mass_on_no_graph => raised { flock.archive(1, :nothing, nil) },
  :no_edge => raised { flock.service.get(1, 1, 98) },
  :empty_transaction => raised { flock.transaction { |transaction| nil } },
  :page_of_nothing => raised { flock.select(1, :follows, nil).paginate(0).current_page },
}
answers[:still_there] = flock.contains(1, :follows, 2)
puts JSON.generate(answers)
