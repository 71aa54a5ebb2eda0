import IORedis from 'ioredis';

/** A plain client of `url`. */
export function Redis(url) {
  const client = new IORedis(url, { maxRetriesPerRequest: null });
  client.on('error', () => {}); // a server that has gone shows in the next command
  return client;
}
