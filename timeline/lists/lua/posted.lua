-- Counts a post of the owner of a timeline: a rate beside the timeline, whether that exists or not, which is forgotten `ttl` seconds after the last post. Behind it stand the terms, which say by what the
-- post was delivered.
--
-- KEYS: shards
-- ARGV: shard, name, ttl, terms
-- include: common, pace

local space, err = space_of(shards, shard)
if not space then return err end

local key, now = posts_of(space, name), seconds_now()
local posts = redis.call('GET', key)
redis.call('SET', key, with_rate(nil, rate_at(posts, now) + 1, now) .. terms, 'EX', ttl)
return 1
