// The app's half of bullrs' payload envelope: seals what goes into `content_jobs.payload`, opens it again.
// Needs nothing but Node. The worker's half is `src/store`; `compat-tests/payload` runs each against the other.
//
//   v1.<key id>.<nonce>.<ciphertext and tag>
//
// AES-256-GCM; the nonce is 12 random bytes; nonce and ciphertext are base64url without padding. The row's id is
// authenticated (`content_jobs:<id>`), so a payload moved to another row does not open there.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const VERSION = 'v1';
const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** A payload that did not open. It never says why: the cause would help only someone who tampers. */
export class PayloadError extends Error {
  constructor() {
    super('the payload could not be decrypted');
    this.name = 'PayloadError';
  }
}

/** The keys of `BULLRS_PAYLOAD_KEYS`: `id:base64,older:base64`. The first seals, all open. */
export class PayloadKeys {
  #keys = new Map();
  #sealing;

  /** Reads keys from their text form; throws a plain `Error` that names the entry, never its content. */
  constructor(text) {
    const entries = String(text ?? '').split(',').map((entry) => entry.trim());
    if (entries.every((entry) => entry === '')) {
      throw new Error('BULLRS_PAYLOAD_KEYS is empty: give at least one `id:base64`, made by `bullrs payload keygen`');
    }
    for (const [index, entry] of entries.entries()) {
      const place = `BULLRS_PAYLOAD_KEYS entry ${index + 1}`;
      const colon = entry.indexOf(':');
      if (colon < 0) throw new Error(`${place} is not \`id:base64\``);
      const id = entry.slice(0, colon);
      if (!KEY_ID.test(id)) throw new Error(`${place}: the id may have 1 to 64 letters, digits, \`-\` and \`_\``);
      if (this.#keys.has(id)) throw new Error(`${place}: the id \`${id}\` stands twice`);
      const key = decodeStrictly(entry.slice(colon + 1), 'base64');
      if (key?.length !== KEY_BYTES) throw new Error(`${place} (\`${id}\`): the key must be ${KEY_BYTES} bytes in base64`);
      this.#keys.set(id, key);
      this.#sealing ??= id;
    }
  }

  /** The keys in `BULLRS_PAYLOAD_KEYS` of the environment. */
  static fromEnvironment(environment = process.env) {
    return new PayloadKeys(environment.BULLRS_PAYLOAD_KEYS);
  }

  /** Seals any JSON value for the `content_jobs` row `contentJobId`. */
  encrypt(contentJobId, value) {
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError('the payload is not a JSON value');
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#keys.get(this.#sealing), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(authenticated(contentJobId));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return [VERSION, this.#sealing, nonce.toString('base64url'), sealed.toString('base64url')].join('.');
  }

  /** Opens an envelope of the `content_jobs` row `contentJobId`; throws `PayloadError` whatever is wrong with it. */
  decrypt(contentJobId, envelope) {
    try {
      return JSON.parse(this.#open(contentJobId, envelope));
    } catch {
      throw new PayloadError();
    }
  }

  #open(contentJobId, envelope) {
    const [version, keyId, nonceText, sealedText, ...rest] = envelope.split('.');
    const key = this.#keys.get(keyId);
    const nonce = decodeStrictly(nonceText, 'base64url');
    const sealed = decodeStrictly(sealedText, 'base64url');
    if (version !== VERSION || rest.length || !key || nonce?.length !== NONCE_BYTES || !sealed || sealed.length < TAG_BYTES) {
      throw new PayloadError();
    }
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(authenticated(contentJobId));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text);
  }
}

/** A new key in the form of one `BULLRS_PAYLOAD_KEYS` entry. */
export function generateKey(id) {
  if (!KEY_ID.test(id)) throw new Error('the id may have 1 to 64 letters, digits, `-` and `_`');
  return `${id}:${randomBytes(KEY_BYTES).toString('base64')}`;
}

function authenticated(contentJobId) {
  if (typeof contentJobId !== 'string' || contentJobId === '') throw new TypeError('the content job id must be a non-empty string');
  return Buffer.from(`content_jobs:${contentJobId}`, 'utf8');
}

/** Decodes only what the same encoding would have written; Node's own decoder skips characters it does not know. */
function decodeStrictly(text, encoding) {
  const bytes = Buffer.from(text ?? '', encoding);
  return bytes.toString(encoding) === text ? bytes : undefined;
}
