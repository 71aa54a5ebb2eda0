// Faults scripted through `POST /__control`, taken in order by the requests they match.
import { invalidRequest, sendJson } from './http.mjs';

const FIELDS = new Set([
  'path', // prefix of the request's path, e.g. `/v1/chat/completions`; without it, every request matches
  'method', // e.g. `POST`; without it, every method matches
  'times', // how many requests it strikes; default 1
  'skip', // how many matching requests pass before; default 0
  'status', // answer with this status and the API's error body instead of serving
  'retryAfter', // `retry-after` in seconds (429, 503)
  'retryAfterMs', // `retry-after-ms`
  'error', // overrides of the error body's fields: message, type, param, code
  'delayMs', // wait before answering
  'hang', // never answer
  'reset', // close the connection without an answer
  'cutAfterChunks', // streams: break the connection after so many content chunks
  'chunkDelayMs', // streams: wait between chunks
  'errorAfterChunks', // streams: send an error object as data after so many content chunks, then end
]);

export class Faults {
  constructor() {
    this.reset();
  }

  reset() {
    this.queue = [];
    /** `true`, or `{ code, message, param }`: fine-tuning jobs end as `failed`. */
    this.failFineTune = false;
    /** Text that chat completions answer with, instead of one made from the request. */
    this.reply = undefined;
  }

  add(list) {
    if (!Array.isArray(list)) throw invalidRequest('`next` must be a list of faults');
    for (const fault of list) {
      const unknown = Object.keys(fault).find((field) => !FIELDS.has(field));
      if (unknown) throw invalidRequest(`unknown fault field \`${unknown}\`; known: ${[...FIELDS].join(', ')}`);
      this.queue.push({ times: 1, skip: 0, ...fault });
    }
  }

  /** How many strikes are still to come. */
  pending() {
    return this.queue.reduce((sum, fault) => sum + fault.times, 0);
  }

  /** The fault that strikes this request, if any. */
  take(method, path) {
    for (const fault of this.queue) {
      if (fault.path && !path.startsWith(fault.path)) continue;
      if (fault.method && fault.method !== method) continue;
      if (fault.skip > 0) {
        fault.skip -= 1;
        continue;
      }
      fault.times -= 1;
      this.queue = this.queue.filter((one) => one.times > 0);
      return { ...fault, send: (response) => sendFault(response, fault) };
    }
    return undefined;
  }
}

function sendFault(response, fault) {
  const headers = {};
  if (fault.retryAfter !== undefined) headers['retry-after'] = String(fault.retryAfter);
  if (fault.retryAfterMs !== undefined) headers['retry-after-ms'] = String(fault.retryAfterMs);
  if (fault.status === 429) {
    headers['x-ratelimit-remaining-requests'] = '0';
    headers['x-ratelimit-reset-requests'] = `${fault.retryAfter ?? 1}s`;
  }
  sendJson(response, fault.status, { error: { ...errorOf(fault.status), ...fault.error } }, headers);
}

/** What the API says for a status when nothing else is asked for. */
function errorOf(status) {
  const say = (message, type, code = null) => ({ message, type, param: null, code });
  switch (status) {
    case 400:
      return say('Invalid request.', 'invalid_request_error');
    case 401:
      return say('Incorrect API key provided: sk-****.', 'invalid_request_error', 'invalid_api_key');
    case 403:
      return say('You are not allowed to use this resource.', 'invalid_request_error', 'permission_denied');
    case 404:
      return say('The requested resource does not exist.', 'invalid_request_error', 'not_found');
    case 429:
      return say(
        'Rate limit reached for gpt-4o-mini in organization org-standin on requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in 1s.',
        'requests',
        'rate_limit_exceeded',
      );
    case 503:
      return say('The engine is currently overloaded, please try again later', 'server_error', 'overloaded');
    default:
      return say('The server had an error while processing your request. Sorry about that!', 'server_error');
  }
}
