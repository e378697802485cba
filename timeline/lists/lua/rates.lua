-- Of one timeline: how often its owner posts and how often it is read, each as a number that halves in a day, both as text; the terms by which the last post was delivered; and its `pace`. False
-- where there is no timeline, and empty where nothing is known.
--
-- KEYS: shards
-- ARGV: shard, name
-- include: common, pace

local space, err = space_of(shards, shard)
if not space then return err end

local now = seconds_now()
local pace, posts = redis.call('GET', pace_of(space, name)), redis.call('GET', posts_of(space, name))
return {
  tostring(rate_at(posts, now)),
  string.sub(posts or '', rate_bytes + 1),
  tostring(rate_at(pace, now)),
  redis.call('EXISTS', space .. name) == 1 and (pace or ''),
}
