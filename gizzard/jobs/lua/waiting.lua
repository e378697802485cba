-- What waits, by priority and host. The streams of the hosts are found from the set of hosts.
--
-- KEYS: counts, changes, state, streams[]
--   counts   of jobs, by leaf
--   streams  for each priority its set of hosts, its failing and its bad stream, those that name no host
-- ARGV: known
--   known    the number of changes that is known already
--
-- Answers that number; by priority a flat list of host, failing jobs, bad jobs, and the bytes that both take; and the lagging leaves with their counts, nothing where the number is the
-- same.
-- include: streamBytes

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local changed = redis.call('GET', changes) or '0'
local queues = {}
for i = 1, #streams, 3 do
  local hosts, failing, bad = streams[i], streams[i + 1], streams[i + 2]
  local queue = {}
  local function add(host, itsFailing, itsBad)
    local failingBytes, failingJobs = streamBytes(state, itsFailing, now)
    local badBytes, badJobs = streamBytes(state, itsBad, now)
    for _, value in ipairs({host, failingJobs, badJobs, failingBytes + badBytes}) do queue[#queue + 1] = value end
  end
  add('', failing, bad)
  for _, host in ipairs(redis.call('SMEMBERS', hosts)) do add(host, failing .. ':' .. host, bad .. ':' .. host) end
  queues[#queues + 1] = queue
end
return {changed, queues, changed == known and {} or redis.call('HGETALL', counts)}
