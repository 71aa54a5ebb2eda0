// Reading requests and writing answers the way the OpenAI API does.
import { randomBytes } from 'node:crypto';

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** An answer in the API's error shape: `{"error":{"message","type","param","code"}}`. */
export class ApiError extends Error {
  constructor(status, { message, type, param = null, code = null }, headers = {}) {
    super(message);
    this.status = status;
    this.body = { error: { message, type, param, code } };
    this.headers = headers;
  }
}

/** A 400 `invalid_request_error`. */
export function invalidRequest(message, param = null, code = null) {
  return new ApiError(400, { message, type: 'invalid_request_error', param, code });
}

/** A request body, read once: as JSON, as a form, or as a short description of itself. */
export async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new ApiError(413, { message: 'Maximum content size limit exceeded', type: 'invalid_request_error' });
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const type = request.headers['content-type'] ?? '';
  return {
    json() {
      let value;
      try {
        value = JSON.parse(bytes.toString('utf8'));
      } catch {
        throw invalidRequest(
          'We could not parse the JSON body of your request. (HINT: This likely means you aren\'t using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)',
        );
      }
      if (value === null || typeof value !== 'object' || Array.isArray(value)) {
        throw invalidRequest('The JSON body of your request must be an object.');
      }
      return value;
    },
    async form() {
      if (!type.startsWith('multipart/form-data')) {
        throw invalidRequest("Invalid content type. Expected 'multipart/form-data'.");
      }
      try {
        return await new Response(bytes, { headers: { 'content-type': type } }).formData();
      } catch {
        throw invalidRequest('Could not parse multipart form');
      }
    },
    summary() {
      if (!size) return null;
      if (type.startsWith('application/json')) {
        try {
          return JSON.parse(bytes.toString('utf8'));
        } catch {
          return { unparsed: bytes.toString('utf8').slice(0, 200) };
        }
      }
      return { type: type.split(';')[0], bytes: size, text: bytes.toString('utf8').slice(0, 4_000) };
    },
  };
}

/** The headers every answer of the API carries. */
export function standardHeaders(response) {
  response.setHeader('x-request-id', `req_${randomBytes(16).toString('hex')}`);
  response.setHeader('openai-version', '2020-10-01');
  response.setHeader('openai-organization', 'org-standin');
  response.setHeader('openai-processing-ms', '7');
  const limits = { 'limit-requests': 10_000, 'limit-tokens': 200_000, 'remaining-requests': 9_999, 'remaining-tokens': 199_000 };
  for (const [name, value] of Object.entries(limits)) response.setHeader(`x-ratelimit-${name}`, String(value));
  response.setHeader('x-ratelimit-reset-requests', '6ms');
  response.setHeader('x-ratelimit-reset-tokens', '300ms');
}

export function sendJson(response, status, body, headers = {}) {
  const text = JSON.stringify(body, null, 2);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers });
  response.end(text);
}

export function sendError(response, error) {
  if (error instanceof ApiError) return sendJson(response, error.status, error.body, error.headers);
  console.error(error);
  return sendJson(response, 500, { error: { message: `stand-in failed: ${error.message}`, type: 'server_error', param: null, code: null } });
}

/** An id like those of the API: `<prefix>-` and 24 letters and digits. */
export function newId(prefix, separator = '-') {
  return `${prefix}${separator}${randomBytes(12).toString('hex')}`;
}

/** Now, in the API's whole seconds. */
export function seconds(at = Date.now()) {
  return Math.floor(at / 1000);
}

/** Reads `limit` and `after` of a listing; the API's default is 20, its bounds are 1 and 100. */
export function pageOf(items, params, name = 'limit') {
  const asked = params.get(name);
  const limit = asked === null ? 20 : Number(asked);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw invalidRequest(`Invalid 'limit': expected an integer from 1 to 100, but got '${asked}' instead.`, 'limit');
  }
  const after = params.get('after');
  let start = 0;
  if (after !== null) {
    const index = items.findIndex((item) => item.id === after);
    if (index < 0) throw new ApiError(404, { message: `No such object: ${after}`, type: 'invalid_request_error', param: 'after' });
    start = index + 1;
  }
  return { data: items.slice(start, start + limit), has_more: start + limit < items.length };
}
