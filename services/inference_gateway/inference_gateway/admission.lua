-- Admit one request, or say why not: the key's sliding window, then the tenant's quotas of the day.
-- KEYS: window (sorted set), spent (hash)
-- ARGV: limit, window in ms, name of this request, requests a day or -1, tokens a day or -1, seconds to keep what was spent
-- Returns: admitted 0|1, reason, remaining, milliseconds until the oldest request leaves the window
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local used = redis.call('ZCARD', KEYS[1])
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local reset = window
if oldest[2] then reset = oldest[2] + window - now end
if used >= limit then
  return {0, 'rate', 0, reset}
end

local requests, tokens = tonumber(ARGV[4]), tonumber(ARGV[5])
if requests >= 0 or tokens >= 0 then
  local spent = redis.call('HMGET', KEYS[2], 'requests', 'tokens')
  if requests >= 0 and tonumber(spent[1] or 0) >= requests then
    return {0, 'requests', limit - used, reset}
  end
  if tokens >= 0 and tonumber(spent[2] or 0) >= tokens then
    return {0, 'tokens', limit - used, reset}
  end
end

redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
if redis.call('HINCRBY', KEYS[2], 'requests', 1) == 1 then
  redis.call('EXPIRE', KEYS[2], ARGV[6])
end
return {1, '', limit - used - 1, reset}
