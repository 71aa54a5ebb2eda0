// The whole of a Redis database as one value.

/** Reads every key: `{ [key]: { type, value, ttl } }`; hashes and sorted sets keep every field and exact score text. */
export async function dump(client) {
  const keys = new Set();
  let cursor = '0';
  do {
    const [next, found] = await client.scan(cursor, 'COUNT', 1000);
    for (const key of found) keys.add(key);
    cursor = next;
  } while (cursor !== '0');

  const entries = await Promise.all(
    [...keys].sort().map(async (key) => {
      const [type, ttl] = await Promise.all([client.type(key), client.pttl(key)]);
      return [key, type === 'none' ? undefined : { type, value: await readers[type](client, key), ttl: ttl < 0 ? null : ttl }];
    }),
  );
  return Object.fromEntries(entries.filter(([, entry]) => entry !== undefined));
}

const readers = {
  string: (client, key) => client.get(key),
  list: (client, key) => client.lrange(key, 0, -1),
  set: async (client, key) => (await client.smembers(key)).sort(),
  zset: async (client, key) => pairs(await client.zrange(key, 0, -1, 'WITHSCORES')),
  hash: async (client, key) => Object.fromEntries(Object.entries(await client.hgetall(key)).sort(([a], [b]) => (a < b ? -1 : 1))),
  stream: async (client, key) => (await client.xrange(key, '-', '+')).map(([id, fields]) => ({ id, fields: pairs(fields) })),
};

function pairs(flat) {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]);
}
