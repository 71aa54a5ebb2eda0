// POST /v1/chat/completions, whole and streamed.
import { ApiError, invalidRequest, newId, seconds, sendJson } from './http.mjs';

const ROLES = new Set(['developer', 'system', 'user', 'assistant', 'tool', 'function']);

export async function chatCompletion({ state, body, response, fault }) {
  validate(state, body);
  const text = state.faults.reply ?? answerTo(body);
  const limit = body.max_completion_tokens ?? body.max_tokens ?? Infinity;
  const tokens = tokensOf(text);
  const kept = tokens.slice(0, limit);
  const finish = kept.length < tokens.length ? 'length' : 'stop';
  const usage = usageOf(body, kept.length);
  const head = {
    id: newId('chatcmpl'),
    created: seconds(),
    model: body.model,
    service_tier: 'default',
    system_fingerprint: 'fp_standin',
  };
  if (!body.stream) {
    return sendJson(response, 200, {
      ...head,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: kept.join(''), refusal: null, annotations: [] },
          logprobs: null,
          finish_reason: finish,
        },
      ],
      usage,
    });
  }
  await stream({ response, head, kept, finish, usage: body.stream_options?.include_usage ? usage : undefined, fault });
}

/** Sends server-sent events: a role, one chunk per token, the reason of the end, the usage if asked for, `[DONE]`. */
async function stream({ response, head, kept, finish, usage, fault }) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  const chunk = (choices, more = {}) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices,
    ...(usage ? { usage: null } : {}),
    ...more,
  });
  const choice = (delta, finishReason = null) => [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
  const send = (value) => {
    if (!response.destroyed) response.write(`data: ${JSON.stringify(value)}\n\n`);
  };

  send(chunk(choice({ role: 'assistant', content: '', refusal: null })));
  for (const [index, token] of kept.entries()) {
    if (fault?.cutAfterChunks === index) return cut(response);
    if (fault?.errorAfterChunks === index) {
      send({ error: { message: 'The server had an error while processing your request.', type: 'server_error', param: null, code: null } });
      return response.end();
    }
    if (fault?.chunkDelayMs) await new Promise((resolve) => setTimeout(resolve, fault.chunkDelayMs));
    if (response.destroyed) return;
    send(chunk(choice({ content: token })));
  }
  if (fault?.cutAfterChunks !== undefined) return cut(response);
  send(chunk(choice({}, finish)));
  if (usage) send(chunk([], { usage }));
  response.end('data: [DONE]\n\n');
}

/** Breaks the connection once what was written has left, so that the client sees the chunks and then the cut. */
function cut(response) {
  response.write(': cut\n\n', () => response.socket?.destroy());
}

function validate(state, body) {
  if (typeof body.model !== 'string' || !body.model) throw invalidRequest('you must provide a model parameter');
  const known = state.models.includes(body.model) || state.fineTuning.owns(body.model);
  if (!known) {
    throw new ApiError(404, {
      message: `The model \`${body.model}\` does not exist or you do not have access to it.`,
      type: 'invalid_request_error',
      code: 'model_not_found',
    });
  }
  if (body.messages === undefined) {
    throw invalidRequest("Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter');
  }
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    throw invalidRequest("Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.", 'messages', 'empty_array');
  }
  for (const [index, message] of body.messages.entries()) {
    if (!ROLES.has(message?.role)) {
      throw invalidRequest(
        `Invalid value: '${message?.role}'. Supported values are: ${[...ROLES].map((role) => `'${role}'`).join(', ')}.`,
        `messages[${index}].role`,
        'invalid_value',
      );
    }
    const { content } = message;
    if (typeof content !== 'string' && !Array.isArray(content) && !(content === null && message.role === 'assistant')) {
      throw invalidRequest(`Invalid value for 'content': expected a string, got ${content === undefined ? 'null' : typeof content}.`, `messages.[${index}].content`);
    }
  }
  if (body.stream_options && !body.stream) {
    throw invalidRequest("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options');
  }
  const { temperature } = body;
  if (temperature !== undefined && temperature !== null && (typeof temperature !== 'number' || temperature < 0 || temperature > 2)) {
    throw invalidRequest(`Invalid 'temperature': expected a number from 0 to 2, but got ${JSON.stringify(temperature)} instead.`, 'temperature', 'invalid_value');
  }
}

/** A reply that shows what was asked, so that demos and tests can tell replies apart. */
function answerTo(body) {
  const last = body.messages.filter((message) => message.role === 'user').at(-1) ?? body.messages.at(-1);
  const text = textOf(last.content);
  if (body.response_format?.type === 'json_object' || body.response_format?.type === 'json_schema') {
    return JSON.stringify({ summary: `About: ${text.slice(0, 120)}` });
  }
  return `Here is a draft about "${text.replaceAll(/\s+/g, ' ').slice(0, 120)}". It was written by the stand-in, word by word, so that progress can be seen.`;
}

function textOf(content) {
  if (Array.isArray(content)) return content.map((part) => part.text ?? '').join('');
  return content ?? '';
}

/** A token here is a word with the space before it. */
function tokensOf(text) {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

function usageOf(body, completion) {
  const prompt = body.messages.reduce((sum, message) => sum + 4 + tokensOf(textOf(message.content)).length, 3);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}
