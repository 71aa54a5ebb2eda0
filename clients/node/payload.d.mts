/** A payload that did not open, whatever the cause. */
export class PayloadError extends Error {
  constructor();
}

/** The keys of `BULLRS_PAYLOAD_KEYS`: `id:base64,older:base64`. The first seals, all open. */
export class PayloadKeys {
  /**
   * @param text the keys in their text form
   * @throws Error naming the entry that is wrong, never its content
   */
  constructor(text: string | undefined);

  /** The keys in `BULLRS_PAYLOAD_KEYS` of the environment (default `process.env`). */
  static fromEnvironment(environment?: Record<string, string | undefined>): PayloadKeys;

  /** Seals any JSON value for the `content_jobs` row `contentJobId`. */
  encrypt(contentJobId: string, value: unknown): string;

  /**
   * Opens an envelope of the `content_jobs` row `contentJobId`.
   * @throws PayloadError whatever is wrong with it
   */
  decrypt<T = unknown>(contentJobId: string, envelope: string): T;
}

/** A new key in the form of one `BULLRS_PAYLOAD_KEYS` entry. */
export function generateKey(id: string): string;
