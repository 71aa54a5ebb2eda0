// The files part of the API: upload, describe, list, content, delete.
import { ApiError, invalidRequest, newId, pageOf, seconds } from './http.mjs';

const PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'];

export class Files {
  constructor() {
    this.byId = new Map();
  }

  /** Takes an upload; the API refuses a fine-tuning file that is not JSON Lines at once. */
  async create(form) {
    const purpose = form.get('purpose');
    if (purpose === null) throw invalidRequest("Missing required parameter: 'purpose'.", 'purpose', 'missing_required_parameter');
    if (!PURPOSES.includes(purpose)) {
      throw invalidRequest(`'${purpose}' is not one of ${JSON.stringify(PURPOSES).replaceAll('"', "'")} - 'purpose'`, 'purpose');
    }
    const upload = form.get('file');
    if (upload === null || typeof upload === 'string') {
      throw invalidRequest("Missing required parameter: 'file'.", 'file', 'missing_required_parameter');
    }
    const text = await upload.text();
    if (text.length === 0) throw invalidRequest('File is empty.', 'file');
    if (purpose === 'fine-tune') checkLines(text, upload.name);
    const description = {
      object: 'file',
      id: newId('file'),
      purpose,
      filename: upload.name,
      bytes: Buffer.byteLength(text),
      created_at: seconds(),
      expires_at: null,
      status: 'processed',
      status_details: null,
    };
    this.byId.set(description.id, { description, text });
    return description;
  }

  describe(id) {
    return this.find(id).description;
  }

  content(id) {
    return this.find(id).text;
  }

  list(params) {
    const purpose = params.get('purpose');
    const all = [...this.byId.values()].map((file) => file.description).reverse();
    const page = pageOf(all.filter((file) => purpose === null || file.purpose === purpose), params);
    return { object: 'list', ...page, first_id: page.data[0]?.id ?? null, last_id: page.data.at(-1)?.id ?? null };
  }

  remove(id) {
    this.find(id);
    this.byId.delete(id);
    return { id, object: 'file', deleted: true };
  }

  find(id) {
    const file = this.byId.get(id);
    if (!file) throw new ApiError(404, { message: `No such File object: ${id}`, type: 'invalid_request_error', param: 'id' });
    return file;
  }
}

function checkLines(text, name) {
  if (!/\.jsonl$/.test(name)) {
    throw invalidRequest(`Invalid file format for Fine-Tuning API. Must be .jsonl`, 'file');
  }
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    let value;
    try {
      value = JSON.parse(line);
    } catch {
      value = undefined;
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw invalidRequest(
        `Expected file to have JSONL format, where every line is a valid JSON dictionary. Line ${index + 1} is not a dictionary (HINT: line starts with: "${line.slice(0, 8)}...").`,
        'file',
      );
    }
  }
}
