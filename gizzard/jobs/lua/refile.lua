-- Records the end of one attempt at a job: takes its entry from the stream where it lies and puts an entry for each host on which it failed into that host's stream, in one step.
-- The counts of jobs that wait for each leaf change in the same step, so that they are always those of the streams.
--
-- KEYS: source, counts, marks, changes, hosts, fence?, write?, streams[]
--   source   the stream where the entry lies
--   counts   of jobs, by leaf
--   marks    the number of changes at which a leaf was marked
--   write    where the write is remembered that the job is part of; given where those who repeat the write and wait are to hear that it is not applied
--   streams  for each new entry its host's failing and bad stream
-- ARGV: group, id, host, maxBad, movedMark, topologyVersion?, entries[]
--   group            the consumer group where the source is the queue, else ''
--   host             of the source, '' for none
--   topologyVersion  under which it ran; absent where that does not matter
--   entries          each as its host, whether it is bad (1 or 0), its leaves by lines, the number of its fields, and the fields
--
-- Answers 'gone' where the entry is not there, as somebody else has recorded its end; 'late' where the job was applied under a topology below the fence, and stays; else the greatest
-- mark of the new entries' leaves. A job that would become bad stays failing where the bad stream is full.

local entry = redis.call('XRANGE', source, id, id)[1]
if fence and topologyVersion and tonumber(redis.call('GET', fence) or '-1') > tonumber(topologyVersion) then return 'late' end
if group ~= '' then redis.call('XACK', source, group, id) end
if not entry then return 'gone' end
if write then redis.call('SET', write, movedMark, 'KEEPTTL', 'XX') end

local at, mark = 1, 0
for i = 1, #streams, 2 do
  local toHost, isBad, leaves, fields = entries[at], entries[at + 1] == '1', entries[at + 2], tonumber(entries[at + 3])
  local failing, bad = streams[i], streams[i + 1]
  local target = failing
  if isBad and redis.call('XLEN', bad) < tonumber(maxBad) then target = bad end
  redis.call('XADD', target, '*', unpack(entries, at + 4, at + 3 + fields))
  if toHost ~= '' then
    redis.call('SADD', hosts, toHost)
    for leaf in string.gmatch(leaves, '[^\n]+') do
      if redis.call('HINCRBY', counts, leaf, 1) == 1 then redis.call('HSET', marks, leaf, redis.call('INCR', changes)) end
      mark = math.max(mark, tonumber(redis.call('HGET', marks, leaf) or 0))
    end
  end
  at = at + 4 + fields
end

redis.call('XDEL', source, id)
if host ~= '' then
  local before = entry[2]
  for i = 1, #before, 2 do
    if before[i] == 'leaves' then
      for leaf in string.gmatch(before[i + 1], '[^\n]+') do
        if redis.call('HINCRBY', counts, leaf, -1) < 1 then
          redis.call('HDEL', counts, leaf)
          redis.call('HDEL', marks, leaf)
          redis.call('INCR', changes)
        end
      end
    end
  end
end
return string.format('%.0f', mark)
