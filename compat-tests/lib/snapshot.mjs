// The whole of a Redis database in one round trip, for tests that look after each step.

const READ_ALL = `
local read = {
  string = function(key) return redis.call('GET', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  hash = function(key) return redis.call('HGETALL', key) end,
  stream = function(key)
    local rows = redis.call('XRANGE', key, '-', '+')
    for index, row in ipairs(rows) do rows[index] = row[2] end
    return rows
  end,
}
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  all[#all + 1] = {key, kind, redis.call('PTTL', key), read[kind](key)}
end
return all`;

/**
 * Reads every key of the database: `Map` of key to `{ type, value, ttl }`. Hashes are objects, sorted sets pairs of member
 * and exact score text, streams the fields of each entry without its id; `ttl` is null for a key that stays.
 */
export async function snapshot(client) {
  const rows = await client.eval(READ_ALL, 0);
  return new Map(rows.map(([key, type, ttl, value]) => [key, { type, value: shape(type, value), ttl: ttl < 0 ? null : ttl }]));
}

function shape(type, value) {
  if (type === 'hash') return Object.fromEntries(pairs(value));
  return type === 'zset' ? pairs(value) : value;
}

function pairs(flat) {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]);
}
