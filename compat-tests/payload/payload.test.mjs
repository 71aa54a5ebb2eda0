// The payload envelope: the app's half (`clients/node/payload.mjs`) and the binary's, each against the other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKey, PayloadError, PayloadKeys } from '../../clients/node/payload.mjs';
import { againstStock } from '../lib/drivers.mjs';
import { bullrs } from '../lib/rust.mjs';
import { ODD_PAYLOADS } from '../scenarios/plain.mjs';

const KEY = 'k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const OLDER = 'k0://////////////////////////////////////////8=';
const ROW = 'f7d9c1de-0000-4000-8000-1234567890ab';
/** Sealed once with `KEY` for the row `row-1`; it must open for ever. */
const KEPT = 'v1.k1.AAAAAAAAAAAAAAAB.bvTUmTSAEiR6XCRckTaFNhPUu9sj2qzlU8UUoqg';

const skip = againstStock && 'needs bullrs';

async function decryptedByBinary(keys, row, envelope) {
  return bullrs(['payload', 'decrypt', '--content-job-id', row], { env: { BULLRS_PAYLOAD_KEYS: keys }, input: envelope });
}

test('every JSON value comes back', () => {
  const keys = new PayloadKeys(KEY);
  for (const value of ODD_PAYLOADS) assert.deepEqual(keys.decrypt(ROW, keys.encrypt(ROW, value)), JSON.parse(JSON.stringify(value)));
});

test('the form of an envelope', () => {
  const [version, id, nonce, sealed, ...rest] = new PayloadKeys(KEY).encrypt(ROW, { a: 1 }).split('.');
  assert.deepEqual([version, id, rest.length], ['v1', 'k1', 0]);
  assert.match(nonce, /^[A-Za-z0-9_-]{16}$/, 'twelve bytes, unpadded');
  assert.equal(Buffer.from(sealed, 'base64url').length, '{"a":1}'.length + 16, 'the ciphertext and its tag');
});

test('an envelope of long ago opens', async () => {
  assert.deepEqual(new PayloadKeys(KEY).decrypt('row-1', KEPT), { kept: true });
});

test('an envelope of long ago opens in the binary', { skip }, async () => {
  const { code, stdout, stderr } = await decryptedByBinary(KEY, 'row-1', KEPT);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { kept: true });
});

test('two envelopes of one value differ', () => {
  const keys = new PayloadKeys(KEY);
  assert.notEqual(keys.encrypt(ROW, 1), keys.encrypt(ROW, 1));
});

test('the first key seals, all open', () => {
  const old = new PayloadKeys(OLDER).encrypt(ROW, 'old');
  const both = new PayloadKeys(`${KEY}, ${OLDER}`);
  assert.equal(both.decrypt(ROW, old), 'old');
  assert.match(both.encrypt(ROW, 'new'), /^v1\.k1\./);
  assert.throws(() => new PayloadKeys(KEY).decrypt(ROW, old), PayloadError);
});

test('whatever is wrong, the error is the same', () => {
  const keys = new PayloadKeys(KEY);
  const envelope = keys.encrypt(ROW, { secret: 'value' });
  const other = new PayloadKeys(generateKey('k1'));
  const wrong = [
    [ROW, ''],
    [ROW, 'v1'],
    [ROW, `${envelope}.x`],
    [ROW, `${envelope}=`],
    [ROW, envelope.replace('v1.', 'v2.')],
    [ROW, envelope.replace('.k1.', '.k2.')],
    [ROW, other.encrypt(ROW, { secret: 'value' })],
    ['another-row', envelope],
    ['', envelope],
    [ROW, undefined],
    [undefined, envelope],
  ];
  for (const [row, text] of wrong) {
    assert.throws(() => keys.decrypt(row, text), (error) => error instanceof PayloadError && error.message === new PayloadError().message && error.cause === undefined);
  }
  for (let at = 'v1.k1.'.length; at < envelope.length; at += 1) {
    const flipped = envelope.slice(0, at) + (envelope[at] === 'A' ? 'B' : 'A') + envelope.slice(at + 1);
    assert.throws(() => keys.decrypt(ROW, flipped), PayloadError, `character ${at}`);
  }
});

test('bad keys are named, never shown', () => {
  const secret = 'AAECAwQFBgcICQoLDA0ODw==';
  const cases = { '': /is empty/, nocolon: /entry 1 is not/, [`k:${secret}`]: /32 bytes/, [`${KEY},k1:${secret}`]: /stands twice/, [`b.d:${secret}`]: /the id may have/, [`${KEY},`]: /entry 2/ };
  for (const [text, says] of Object.entries(cases)) {
    assert.throws(() => new PayloadKeys(text), (error) => says.test(error.message) && !error.message.includes(secret));
  }
});

test('the app seals, the binary opens', { skip }, async () => {
  const keys = new PayloadKeys(`${KEY},${OLDER}`);
  for (const value of [{ prompt: 'schön', n: [1, null, 1e21] }, 'text', null, 0, []]) {
    const { code, stdout, stderr } = await decryptedByBinary(`${KEY},${OLDER}`, ROW, keys.encrypt(ROW, value));
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), value);
  }
});

test('the binary seals, the app opens', { skip }, async () => {
  for (const text of ['{"prompt":"schön","n":[1,null]}', '"text"', 'null', '{}']) {
    const { code, stdout, stderr } = await bullrs(['payload', 'encrypt', '--content-job-id', ROW], { env: { BULLRS_PAYLOAD_KEYS: KEY }, input: text });
    assert.equal(code, 0, stderr);
    assert.deepEqual(new PayloadKeys(KEY).decrypt(ROW, stdout.trim()), JSON.parse(text));
  }
});

test('a key that the binary makes is one for the app', { skip }, async () => {
  const { code, stdout, stderr } = await bullrs(['payload', 'keygen']);
  assert.equal(code, 0, stderr);
  const keys = new PayloadKeys(stdout.trim());
  const { stdout: opened } = await decryptedByBinary(stdout.trim(), ROW, keys.encrypt(ROW, { a: 1 }));
  assert.deepEqual(JSON.parse(opened), { a: 1 });
});

test('the binary tells no more than the app about what does not open', { skip }, async () => {
  const envelope = new PayloadKeys(KEY).encrypt(ROW, { secret: 'plaintext-of-the-payload' });
  const said = new Set();
  for (const [row, text] of [['another-row', envelope], [ROW, envelope.replace('.k1.', '.k2.')], [ROW, `${envelope.slice(0, -1)}A`], [ROW, 'nonsense']]) {
    const { code, stdout, stderr } = await decryptedByBinary(KEY, row, text);
    assert.equal(code, 1, `${stdout}${stderr}`);
    assert.equal(stdout, '');
    said.add(stderr);
    assert.ok(!stderr.includes('plaintext') && !stderr.includes(KEY.slice(3)), stderr);
  }
  assert.equal(said.size, 1, [...said].join());
});
