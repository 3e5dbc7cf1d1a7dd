/**
 * W4: 10,000 records of varying size: { u64 id; u32 flags; u32 count } and then `count` elements of
 * 80 bytes, { char name[64]; u64 a; u64 b }. Zero to seven elements; names are ASCII of 4 to 20 letters.
 *
 * @typedef {{ bytes: Uint8Array, count: number, from: number, to: number }} NamedBatch
 * @typedef {{ items: number, bytes: Uint8Array, batches: NamedBatch[], expected: number }} NamedData
 */

import { keep } from '../keep.mjs';
import { addU32, addU64, addWord, SEED, same } from './checksum.mjs';
import { random } from './random.mjs';

const RECORDS = 10_000;
const BATCH = 500;

/** @param {number} hash @param {string} text */
function addText(hash, text) {
  for (let i = 0; i < text.length; i++) hash = addWord(hash, text.charCodeAt(i));
  return addWord(hash, text.length);
}

function makeData() {
  const next = random(4);
  const counts = Array.from({ length: RECORDS }, () => next() & 7);
  const bytes = Buffer.from(new ArrayBuffer(counts.reduce((sum, count) => sum + 16 + 80 * count, 0)));
  /** @type {NamedBatch[]} */
  const batches = [];
  let expected = SEED;
  let at = 0;
  let from = 0;
  const u64 = () => {
    const value = (BigInt(next() & 0xffff) << 32n) | BigInt(next());
    bytes.writeBigUInt64LE(value, at);
    at += 8;
    expected = addU64(expected, value, 'bigint');
  };
  counts.forEach((count, i) => {
    u64();
    const flags = next() & 0xff;
    bytes.writeUInt32LE(flags, at);
    bytes.writeUInt32LE(count, at + 4);
    at += 8;
    expected = addU32(addU32(expected, flags), count);
    for (let e = 0; e < count; e++) {
      const name = Array.from({ length: 4 + (next() % 17) }, () =>
        String.fromCharCode(97 + (next() % 26)),
      ).join('');
      bytes.write(name, at, 'latin1');
      at += 64;
      expected = addText(expected, name);
      u64();
      u64();
    }
    if ((i + 1) % BATCH === 0) {
      batches.push({ bytes: bytes.subarray(from, at), count: BATCH, from, to: at });
      from = at;
    }
  });
  return { items: RECORDS, bytes, batches, expected };
}

/** @param {number} hash @param {any[]} records */
function addRecords(hash, records) {
  for (const record of records) {
    hash = addU32(addU32(addU64(hash, record.id, 'bigint'), record.flags), record.elements.length);
    for (const element of record.elements) {
      hash = addU64(addU64(addText(hash, element.name), element.a, 'bigint'), element.b, 'bigint');
    }
  }
  return hash;
}

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'named',
  groups: [
    {
      id: 'W4-decode',
      title: 'variable records of 0 to 7 elements with names, batches of 500',
      unit: 'record',
      reference: 'hand-written',
      contenders: [
        { label: 'hand-written', file: 'hand-named', task: 'portable' },
        { label: 'hand-written, Buffer.latin1Slice', file: 'hand-named', task: 'latin1Slice' },
        {
          label: 'carryover generated',
          file: 'carryover-generated',
          task: 'named',
          bars: [
            { vs: 'hand-written', max: 1.1 },
            { vs: 'binary-parser', faster: 2 },
            { vs: 'restructure', faster: 5 },
          ],
        },
        { label: 'carryover interpreter', file: 'carryover-interpreter', task: 'named' },
        { label: 'binary-parser', file: 'binary-parser', task: 'named' },
        { label: 'restructure', file: 'restructure', task: 'named' },
      ],
      notes: 'hand-written is portable JavaScript; latin1Slice exists in Node only',
    },
  ],
  data: makeData,
  drive: (_group, /** @type {any} */ instance, /** @type {NamedData} */ data) => ({
    verify() {
      let hash = SEED;
      for (let b = 0; b < data.batches.length; b++) hash = addRecords(hash, instance.batch(b));
      same(hash, data.expected, 'named records');
    },
    pass() {
      for (let b = 0; b < data.batches.length; b++) keep(instance.batch(b));
    },
  }),
};
