/** carryover with generated code, made at run time by its jit. */
import { ABI, slackOf } from '../../dist/node/codec/index.js';
import { jit, jitNegotiating } from '../../dist/node/codec/jit.js';
import { SIZE as HEADER_SIZE } from '../works/header.mjs';
import { plainRecords, SIZE } from '../works/records.mjs';
import { headerStruct, namedStruct, recordStruct } from './carryover-schemas.mjs';

/** @param {import('../works/records.mjs').RecordSchema} schema @param {'bigint' | 'number'} mode */
const codecOf = (schema, mode) => jit(recordStruct(schema, mode), ABI.x86_64);

/** @param {boolean} whole @returns {(data: import('../works/header.mjs').HeaderData) => object} */
const header =
  (whole) =>
  ({ stream, offsets }) => {
    const decodeAt = jitNegotiating(headerStruct(whole));
    const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
    return {
      decode(/** @type {number} */ i) {
        const at = offsets[i];
        const header = decodeAt(view, at);
        // What is not zero there is no error when decoding: it is kept beside the value.
        if (whole && slackOf(header) !== undefined) throw new Error('padding is not zero');
        return { littleEndian: view.getUint8(at) === 0xb0, header };
      },
    };
  };

export const tasks = {
  decode({ sets, mode, batch }) {
    const codecs = sets.map((set) => codecOf(set.schema, mode));
    return { batch: (s, b) => codecs[s].decodeArray(sets[s].bytes, batch, b * batch * SIZE) };
  },
  single({ sets: [{ schema, bytes }], mode }) {
    const codec = codecOf(schema, mode);
    const view = new DataView(bytes.buffer);
    return { one: (at) => codec.decodeAt(view, at) };
  },
  singleFresh({ sets: [{ schema, bytes }], mode }) {
    const codec = codecOf(schema, mode);
    return { one: (at) => codec.decode(bytes.subarray(at, at + SIZE)) };
  },
  field({ sets: [{ schema, bytes, count }], mode }) {
    const codec = codecOf(schema, mode);
    return {
      sum() {
        const records = codec.viewArray(bytes, count);
        let sum = 0;
        for (let i = 0; i < count; i++) sum = (sum + records.at(i).flags) | 0;
        return sum;
      },
    };
  },
  encode({ sets: [set], mode, batch }) {
    const codec = codecOf(set.schema, mode);
    const values = plainRecords(set, mode);
    const batches = set.batches.map((_, b) => values.slice(b * batch, (b + 1) * batch));
    return { encode: (b) => codec.encodeArray(batches[b]) };
  },
  encodeInto({ sets: [set], mode, batch }) {
    const codec = codecOf(set.schema, mode);
    const values = plainRecords(set, mode);
    const batches = set.batches.map((_, b) => values.slice(b * batch, (b + 1) * batch));
    const out = new Uint8Array(batch * SIZE);
    const view = new DataView(out.buffer);
    return {
      encode(b) {
        codec.encodeArrayInto(batches[b], view, 0);
        return out;
      },
    };
  },
  named({ bytes, batches }) {
    const codec = jit(namedStruct(), ABI.x86_64);
    return { batch: (b) => codec.decodeArray(bytes, batches[b].count, batches[b].from) };
  },
  header: header(false),
  headerChecked: header(true),
  headerFresh({ stream, offsets }) {
    const decodeAt = jitNegotiating(headerStruct(false));
    return {
      decode(i) {
        const at = offsets[i];
        const message = stream.subarray(at, at + HEADER_SIZE);
        const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
        return { littleEndian: message[0] === 0xb0, header: decodeAt(view, 0) };
      },
    };
  },
};
