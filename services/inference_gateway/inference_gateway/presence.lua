-- Say that a gateway is there, and see how many are.
-- KEYS: gateways (sorted set)
-- ARGV: this gateway's name, ms for which one that says nothing counts
-- Returns: how many there are, alone in a list
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {redis.call('ZCARD', KEYS[1])}
