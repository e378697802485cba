-- For other scripts: whether the journal is the one that the caller knows. `state` is the key of the journal's state, `epoch` what the caller holds for its epoch, and `known` how
-- many jobs it knows the epoch to have accepted. A journal that has accepted fewer has lost some; that is written down, so that from then on it refuses every caller.
-- Answers an error, and how many jobs the epoch has accepted.
local function checkEpoch(state, epoch, known)
  local held = redis.call('HMGET', state, 'epoch', 'accepted', 'lost')
  if held[1] ~= epoch then return {err = 'EPOCH another'} end
  local accepted = tonumber(held[2] or 0)
  if not held[3] and accepted < tonumber(known) then redis.call('HSET', state, 'lost', known) end
  if held[3] or accepted < tonumber(known) then return {err = 'EPOCH lost'} end
  return nil, accepted
end
