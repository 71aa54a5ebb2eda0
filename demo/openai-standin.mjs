#!/usr/bin/env node
// A stand-in for the OpenAI API: chat completions, files and fine-tuning jobs, with errors on demand.
//
//   node demo/openai-standin.mjs [--port 0] [--key sk-standin] [--fine-tune-step 100] [--models a,b]
//
// Prints one JSON line, `{"url":"http://127.0.0.1:PORT/v1","key":"sk-standin"}`, once it listens.
// `POST /__control` scripts faults, `GET /__received` tells what arrived, `POST /__reset` forgets both.
// It listens on the loopback address only, and ends with the process that started it.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { chatCompletion } from './openai/chat.mjs';
import { Faults } from './openai/faults.mjs';
import { Files } from './openai/files.mjs';
import { FineTuning } from './openai/fine-tuning.mjs';
import { ApiError, invalidRequest, readBody, sendError, sendJson, standardHeaders } from './openai/http.mjs';

const USAGE = 'usage: openai-standin.mjs [--port N] [--key KEY] [--fine-tune-step MS] [--models a,b]';
const MAX_RECEIVED = 2_000;

/** Starts a stand-in inside this process; resolves to `{ url, key, control, received, close }`. */
export async function startStandin({ port = 0, key = 'sk-standin', fineTuneStep = 100, models } = {}) {
  const state = {
    key,
    models: models ?? ['gpt-4o-mini', 'gpt-4o-mini-2024-07-18', 'gpt-4.1-mini', 'gpt-4.1-mini-2025-04-14', 'gpt-4.1-nano-2025-04-14'],
    faults: new Faults(),
    files: new Files(),
    received: [],
    inFlight: 0,
  };
  state.fineTuning = new FineTuning(state.files, state.faults, fineTuneStep);

  const server = createServer((request, response) => {
    state.inFlight += 1;
    response.on('close', () => {
      state.inFlight -= 1;
    });
    serve(state, request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    });
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    key,
    control: (order) => control(state, order),
    received: () => state.received,
    close: () =>
      new Promise((resolve) => {
        state.fineTuning.stop();
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

async function serve(state, request, response) {
  const url = new URL(request.url, 'http://standin');
  const body = await readBody(request);
  if (url.pathname.startsWith('/__')) return serveControl(state, request, url, body, response);

  const record = {
    at: Date.now(),
    method: request.method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { ...request.headers, authorization: request.headers.authorization ? 'present' : 'absent' },
    body: body.summary(),
    aborted: false,
  };
  state.received.push(record);
  if (state.received.length > MAX_RECEIVED) state.received.shift();
  response.on('close', () => {
    record.aborted = !response.writableFinished;
    record.status = response.statusCode;
  });

  standardHeaders(response);
  authenticate(state, request);
  const fault = state.faults.take(request.method, url.pathname);
  if (fault?.delayMs) await pause(fault.delayMs, response);
  if (fault?.hang) return;
  if (fault?.reset) return response.socket.destroy();
  if (fault?.status) return fault.send(response);
  await route(state, request, url, body, response, fault);
}

function authenticate(state, request) {
  const [scheme, given] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== 'Bearer' || !given) {
    throw new ApiError(401, {
      message:
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
      type: 'invalid_request_error',
      code: null,
    });
  }
  if (given !== state.key) {
    const shown = given.length > 8 ? `${given.slice(0, 3)}${'*'.repeat(6)}${given.slice(-4)}` : '*'.repeat(given.length);
    throw new ApiError(401, {
      message: `Incorrect API key provided: ${shown}. You can find your API key at https://platform.openai.com/account/api-keys.`,
      type: 'invalid_request_error',
      code: 'invalid_api_key',
    });
  }
}

async function route(state, request, url, body, response, fault) {
  const { fineTuning, files } = state;
  const [resource, ...rest] = url.pathname.replace(/^\/v1\//, '').split('/').map(decodeURIComponent);
  const call = `${request.method} ${[resource, ...rest.map((part, index) => (isId(resource, index) ? ':id' : part))].join('/')}`;
  switch (call) {
    case 'POST chat/completions':
      return chatCompletion({ state, body: body.json(), response, fault });
    case 'GET models':
      return sendJson(response, 200, { object: 'list', data: state.models.map(describeModel) });
    case 'POST files':
      return sendJson(response, 200, await files.create(await body.form()));
    case 'GET files':
      return sendJson(response, 200, files.list(url.searchParams));
    case 'GET files/:id':
      return sendJson(response, 200, files.describe(rest[0]));
    case 'DELETE files/:id':
      return sendJson(response, 200, files.remove(rest[0]));
    case 'GET files/:id/content':
      response.setHeader('content-type', 'application/octet-stream');
      return response.end(files.content(rest[0]));
    case 'POST fine_tuning/jobs':
      return sendJson(response, 200, fineTuning.create(body.json()));
    case 'GET fine_tuning/jobs':
      return sendJson(response, 200, fineTuning.list(url.searchParams));
    case 'GET fine_tuning/jobs/:id':
      return sendJson(response, 200, fineTuning.describe(rest[1]));
    case 'GET fine_tuning/jobs/:id/events':
      return sendJson(response, 200, fineTuning.events(rest[1], url.searchParams));
    case 'POST fine_tuning/jobs/:id/cancel':
      return sendJson(response, 200, fineTuning.cancel(rest[1]));
    default:
      throw new ApiError(404, {
        message: `Invalid URL (${request.method} ${url.pathname})`,
        type: 'invalid_request_error',
        code: null,
      });
  }
}

/** Whether path part `index` after the resource is an id rather than a word of the API. */
function isId(resource, index) {
  return (resource === 'files' && index === 0) || (resource === 'fine_tuning' && index === 1);
}

function describeModel(id) {
  return { id, object: 'model', created: 1_720_000_000, owned_by: 'openai' };
}

function serveControl(state, request, url, body, response) {
  if (request.method === 'GET' && url.pathname === '/__received') {
    return sendJson(response, 200, { inFlight: state.inFlight - 1, requests: state.received });
  }
  if (request.method === 'POST' && url.pathname === '/__control') {
    control(state, body.json());
    return sendJson(response, 200, { pending: state.faults.pending() });
  }
  if (request.method === 'POST' && url.pathname === '/__reset') {
    state.faults.reset();
    state.received.length = 0;
    return sendJson(response, 200, {});
  }
  throw invalidRequest(`no control route ${request.method} ${url.pathname}`);
}

/** Applies what `POST /__control` was given; see `openai/faults.mjs` for a fault's fields. */
function control(state, order) {
  const known = ['next', 'failFineTune', 'fineTuneStepMs', 'reply'];
  const unknown = Object.keys(order).filter((field) => !known.includes(field));
  if (unknown.length) throw invalidRequest(`unknown control field \`${unknown[0]}\`; known: ${known.join(', ')}`);
  if (order.next) state.faults.add(order.next);
  if ('failFineTune' in order) state.faults.failFineTune = order.failFineTune;
  if ('fineTuneStepMs' in order) state.fineTuning.stepMs = order.fineTuneStepMs;
  if ('reply' in order) state.faults.reply = order.reply;
}

function pause(ms, response) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function main() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        port: { type: 'string', default: '0' },
        key: { type: 'string', default: 'sk-standin' },
        'fine-tune-step': { type: 'string', default: '100' },
        models: { type: 'string' },
      },
    }));
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
  const standin = await startStandin({
    port: Number(values.port),
    key: values.key,
    fineTuneStep: Number(values['fine-tune-step']),
    models: values.models?.split(','),
  });
  console.log(JSON.stringify({ url: standin.url, key: standin.key }));
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, 500).unref();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => standin.close().then(() => process.exit(0)));
}

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) await main();
