/** restructure 3.0. It has no u64: one is made of two u32, as its users do. */
import * as r from 'restructure';
import { plainRecords, SIZE } from '../works/records.mjs';

/** @typedef {any} Stream restructure has no types */

class U64 {
  size() {
    return 8;
  }
  /** @param {Stream} stream */
  decode(stream) {
    const low = stream.readUInt32LE();
    return (BigInt(stream.readUInt32LE()) << 32n) | BigInt(low);
  }
  /** @param {Stream} stream @param {bigint} value */
  encode(stream, value) {
    stream.writeUInt32LE(Number(value & 0xffffffffn));
    stream.writeUInt32LE(Number(value >> 32n));
  }
}

class U64AsNumber extends U64 {
  /** @param {Stream} stream @returns {any} */
  decode(stream) {
    const low = stream.readUInt32LE();
    return stream.readUInt32LE() * 4294967296 + low;
  }
  /** @param {Stream} stream @param {any} value */
  encode(stream, value) {
    stream.writeUInt32LE(value >>> 0);
    stream.writeUInt32LE(Math.floor(value / 4294967296));
  }
}

/** char[64] up to its NUL. */
class Name extends r.String {
  /** @param {Stream} stream @param {any} parent */
  decode(stream, parent) {
    const text = super.decode(stream, parent);
    const end = text.indexOf('\0');
    return end < 0 ? text : text.slice(0, end);
  }
}

/** @param {import('../works/records.mjs').RecordSchema} schema @param {string} mode */
function recordStruct(schema, mode) {
  const u64 = mode === 'bigint' ? new U64() : new U64AsNumber();
  return new r.Struct(
    Object.fromEntries(schema.fields.map(([name, type]) => [name, type === 'u32' ? r.uint32le : u64])),
  );
}

export const tasks = {
  decode({ sets, mode, batch }) {
    const arrays = sets.map((set) => new r.Array(recordStruct(set.schema, mode), batch));
    return { batch: (s, b) => arrays[s].fromBuffer(sets[s].batches[b]) };
  },
  singleFresh({ sets: [set], mode }) {
    const struct = recordStruct(set.schema, mode);
    return { one: (at) => struct.fromBuffer(set.bytes.subarray(at, at + SIZE)) };
  },
  encode({ sets: [set], mode, batch }) {
    const array = new r.Array(recordStruct(set.schema, mode), batch);
    const values = plainRecords(set, mode);
    const batches = set.batches.map((_, b) => values.slice(b * batch, (b + 1) * batch));
    return { encode: (b) => array.toBuffer(batches[b]) };
  },
  named({ batches }) {
    const u64 = new U64();
    const element = new r.Struct({ name: new Name(64, 'ascii'), a: u64, b: u64 });
    const record = new r.Struct({
      id: u64,
      flags: r.uint32le,
      count: r.uint32le,
      elements: new r.Array(element, 'count'),
    });
    const arrays = batches.map((batch) => new r.Array(record, batch.count));
    return { batch: (b) => arrays[b].fromBuffer(batches[b].bytes) };
  },
};
