/** carryover without generated code. */
import {
  ABI,
  columns,
  decodeArray,
  encodeArray,
  interpreted,
  negotiating,
  slackOf,
  viewArray,
} from '../../dist/node/codec/index.js';
import { plainRecords, SIZE } from '../works/records.mjs';
import { headerStruct, namedStruct, newColumns, recordStruct } from './carryover-schemas.mjs';

const abi = ABI.x86_64;

/** @param {boolean} whole @returns {(data: import('../works/header.mjs').HeaderData) => object} */
const header =
  (whole) =>
  ({ stream, offsets }) => {
    const headers = negotiating(headerStruct(whole), interpreted);
    const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
    return {
      decode(/** @type {number} */ i) {
        const at = offsets[i];
        const codec = headers.at(view, at);
        const header = codec.decodeAt(view, at);
        // What is not zero there is no error when decoding: it is kept beside the value.
        if (whole && slackOf(header) !== undefined) throw new Error('padding is not zero');
        return { littleEndian: codec.abi?.endian === 'little', header };
      },
    };
  };

export const tasks = {
  decode({ sets, mode, batch }) {
    const schemas = sets.map((set) => recordStruct(set.schema, mode));
    return {
      batch: (s, b) =>
        decodeArray(schemas[s], sets[s].bytes, { abi, offset: b * batch * SIZE, count: batch }),
    };
  },
  single({ sets: [{ schema, bytes }], mode }) {
    const codec = interpreted(recordStruct(schema, mode), abi);
    const view = new DataView(bytes.buffer);
    return { one: (at) => codec.decodeAt(view, at) };
  },
  field({ sets: [{ schema, bytes, count }], mode }) {
    const type = recordStruct(schema, mode);
    return {
      sum() {
        const records = viewArray(type, bytes, { abi, count });
        let sum = 0;
        for (let i = 0; i < count; i++) sum = (sum + records.at(i).flags) | 0;
        return sum;
      },
    };
  },
  // There is one way to columns, whatever the engine.
  columns({ sets: [{ schema, bytes, count }], mode }) {
    const type = recordStruct(schema, mode);
    const into = newColumns(schema, count, mode);
    return { fill: () => columns(type, bytes, { abi, count, into }) };
  },
  columnsFresh({ sets: [{ schema, bytes, count }], mode }) {
    const type = recordStruct(schema, mode);
    return { fill: () => columns(type, bytes, { abi, count }) };
  },
  encode({ sets: [set], mode, batch }) {
    const type = recordStruct(set.schema, mode);
    const values = plainRecords(set, mode);
    const batches = set.batches.map((_, b) => values.slice(b * batch, (b + 1) * batch));
    return { encode: (b) => encodeArray(type, batches[b], { abi }) };
  },
  named({ bytes, batches }) {
    const type = namedStruct();
    return {
      batch: (b) => decodeArray(type, bytes, { abi, offset: batches[b].from, count: batches[b].count }),
    };
  },
  header: header(false),
  headerChecked: header(true),
};
