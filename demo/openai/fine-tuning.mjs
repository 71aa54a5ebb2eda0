// Fine-tuning jobs: validating_files, queued, running, succeeded, each after `stepMs`, with events on the way.
import { ApiError, invalidRequest, newId, pageOf, seconds } from './http.mjs';

const MIN_EXAMPLES = 10;
const ENDED = new Set(['succeeded', 'failed', 'cancelled']);
const TUNABLE = /^(gpt-4o-mini-2024-07-18|gpt-4o-2024-08-06|gpt-4\.1(-mini|-nano)?-2025-04-14|gpt-3\.5-turbo(-\d{4})?|ft:.+)$/;

export class FineTuning {
  constructor(files, faults, stepMs) {
    this.files = files;
    this.faults = faults;
    this.stepMs = stepMs;
    this.jobs = new Map();
    this.timers = new Set();
  }

  /** Whether `model` was made by a job here. */
  owns(model) {
    return [...this.jobs.values()].some(({ job }) => job.fine_tuned_model === model);
  }

  create(body) {
    for (const field of ['model', 'training_file']) {
      if (typeof body[field] !== 'string' || !body[field]) {
        throw invalidRequest(`Missing required parameter: '${field}'.`, field, 'missing_required_parameter');
      }
    }
    if (!TUNABLE.test(body.model)) {
      throw invalidRequest(`Model ${body.model} is not available for fine-tuning or does not exist.`, null, 'model_not_available');
    }
    for (const field of ['training_file', 'validation_file']) {
      const id = body[field];
      if (id === undefined || id === null) continue;
      const file = this.files.byId.get(id)?.description;
      if (!file || file.purpose !== 'fine-tune') {
        throw invalidRequest(`invalid ${field}: ${id}`, field, file ? 'invalid_file_purpose' : 'file_not_found');
      }
    }
    if (body.suffix !== undefined && body.suffix !== null && (typeof body.suffix !== 'string' || body.suffix.length < 1 || body.suffix.length > 64)) {
      throw invalidRequest("Invalid 'suffix': expected a string of 1 to 64 characters.", 'suffix', 'invalid_value');
    }
    checkMetadata(body.metadata);
    const method = methodOf(body);
    const job = {
      object: 'fine_tuning.job',
      id: newId('ftjob'),
      model: body.model,
      created_at: seconds(),
      finished_at: null,
      fine_tuned_model: null,
      organization_id: 'org-standin',
      result_files: [],
      status: 'validating_files',
      validation_file: body.validation_file ?? null,
      training_file: body.training_file,
      hyperparameters: method[method.type].hyperparameters,
      trained_tokens: null,
      error: {},
      user_provided_suffix: body.suffix ?? null,
      seed: body.seed ?? 683_058_546,
      estimated_finish: null,
      integrations: body.integrations ?? [],
      metadata: body.metadata ?? null,
      usage_metrics: null,
      shared_with_openai: false,
      method,
    };
    const entry = { job, events: [] };
    this.jobs.set(job.id, entry);
    say(entry, `Created fine-tuning job: ${job.id}`);
    say(entry, `Validating training file: ${job.training_file}${job.validation_file ? ` and validation file: ${job.validation_file}` : ''}`);
    this.later(entry, () => this.validated(entry));
    return job;
  }

  describe(id) {
    return this.find(id).job;
  }

  list(params) {
    const wanted = [...params].flatMap(([name, value]) => {
      const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
      return key === undefined ? [] : [[key, value]];
    });
    const without = params.get('metadata') === 'null';
    const all = [...this.jobs.values()].map(({ job }) => job).reverse();
    const matching = all.filter((job) => {
      if (without) return job.metadata === null;
      return wanted.every(([key, value]) => job.metadata?.[key] === value);
    });
    return { object: 'list', ...pageOf(matching, params) };
  }

  /** Newest first, as the API lists them. */
  events(id, params) {
    const { events } = this.find(id);
    return { object: 'list', ...pageOf(events.toReversed(), params) };
  }

  cancel(id) {
    const entry = this.find(id);
    if (ENDED.has(entry.job.status)) {
      throw invalidRequest(`Job has already completed: ${id} has status: ${entry.job.status}`, null, null);
    }
    end(entry, 'cancelled');
    say(entry, 'The job was cancelled', 'info');
    return entry.job;
  }

  stop() {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  find(id) {
    const entry = this.jobs.get(id);
    if (!entry) {
      throw new ApiError(404, {
        message: `Could not find fine tune: ${id}`,
        type: 'invalid_request_error',
        param: 'fine_tune_id',
        code: 'fine_tune_not_found',
      });
    }
    return entry;
  }

  later(entry, step) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!ENDED.has(entry.job.status)) step();
    }, this.stepMs);
    this.timers.add(timer);
  }

  validated(entry) {
    const { job } = entry;
    const problem = this.problemOf(job.training_file);
    if (problem) return fail(entry, { code: 'invalid_training_file', param: 'training_file', message: problem });
    job.status = 'queued';
    say(entry, 'Files validated, moving job to queued state');
    this.later(entry, () => this.started(entry));
  }

  /** What is wrong with a training file's examples, if anything. */
  problemOf(id) {
    const file = this.files.byId.get(id);
    if (!file) return `The training file ${id} was deleted.`;
    const examples = file.text.split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line));
    const bad = examples.findIndex((example) => !Array.isArray(example.messages) || !example.messages.some(({ role }) => role === 'assistant'));
    if (bad >= 0) return `The job failed due to an invalid training file. Invalid file format. Example ${bad + 1} must contain a 'messages' list with at least one message from the assistant.`;
    if (examples.length < MIN_EXAMPLES) return `The job failed due to an invalid training file. Training file has ${examples.length} example(s), but must have at least ${MIN_EXAMPLES} examples`;
    return undefined;
  }

  started(entry) {
    const { job } = entry;
    job.status = 'running';
    job.estimated_finish = seconds(Date.now() + 4 * this.stepMs);
    say(entry, 'Fine-tuning job started');
    this.train(entry, 1);
  }

  train(entry, step) {
    const { job } = entry;
    const steps = 3;
    this.later(entry, () => {
      const broken = this.faults.failFineTune;
      if (broken && step === 2) {
        return fail(entry, { code: 'server_error', param: null, message: 'The job failed due to an internal error.', ...(broken === true ? {} : broken) });
      }
      const loss = Number((2.4 / (step + 1)).toFixed(4));
      say(entry, `Step ${step}/${steps}: training loss=${loss}`, 'info', 'metrics', { step, train_loss: loss, total_steps: steps, train_mean_token_accuracy: 0.8 });
      if (step < steps) return this.train(entry, step + 1);
      job.fine_tuned_model = `ft:${job.model}:standin:${job.user_provided_suffix ?? ''}:${job.id.slice(-8)}`;
      job.trained_tokens = tokensIn(this.files.byId.get(job.training_file)?.text ?? '');
      job.result_files = [newId('file')];
      say(entry, `New fine-tuned model created: ${job.fine_tuned_model}`);
      end(entry, 'succeeded');
      say(entry, 'The job has successfully completed');
    });
  }
}

/** Reads `method`, or the older `hyperparameters`; both say the same for supervised jobs. */
function methodOf(body) {
  const type = body.method?.type ?? 'supervised';
  if (!['supervised', 'dpo', 'reinforcement'].includes(type)) {
    throw invalidRequest(`Invalid value: '${type}'. Supported values are: 'supervised', 'dpo', and 'reinforcement'.`, 'method.type', 'invalid_value');
  }
  const given = body.method?.[type]?.hyperparameters ?? body.hyperparameters ?? {};
  return { type, [type]: { hyperparameters: { n_epochs: 'auto', batch_size: 'auto', learning_rate_multiplier: 'auto', ...given } } };
}

function checkMetadata(metadata) {
  if (metadata === undefined || metadata === null) return;
  const pairs = typeof metadata === 'object' && !Array.isArray(metadata) ? Object.entries(metadata) : undefined;
  if (!pairs || pairs.some(([, value]) => typeof value !== 'string')) {
    throw invalidRequest("Invalid type for 'metadata': expected an object with string values.", 'metadata', 'invalid_type');
  }
  if (pairs.length > 16) throw invalidRequest("Invalid 'metadata': too many properties. Expected an object with at most 16 properties.", 'metadata', 'object_above_max_properties');
  if (pairs.some(([key, value]) => key.length > 64 || value.length > 512)) {
    throw invalidRequest("Invalid 'metadata': a key is above 64 or a value above 512 characters.", 'metadata', 'string_above_max_length');
  }
}

function say(entry, message, level = 'info', type = 'message', data = {}) {
  entry.events.push({ object: 'fine_tuning.job.event', id: newId('ftevent'), created_at: seconds(), level, message, type, data });
}

function end(entry, status) {
  entry.job.status = status;
  entry.job.finished_at = seconds();
  entry.job.estimated_finish = null;
}

function fail(entry, error) {
  entry.job.error = error;
  end(entry, 'failed');
  say(entry, error.message, 'error');
}

function tokensIn(text) {
  return text.split(/\s+/).filter(Boolean).length;
}
