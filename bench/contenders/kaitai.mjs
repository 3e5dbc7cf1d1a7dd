/**
 * Kaitai Struct's runtime with readers written the way its compiler emits them. Its readU8le gives a
 * number that is rounded above 2^53; for bigint a reader with the same checks is added.
 */
import kaitai from 'kaitai-struct/KaitaiStream.js';
import { SIZE } from '../works/records.mjs';

const KaitaiStream = /** @type {any} */ (kaitai).KaitaiStream ?? kaitai;

class Stream extends KaitaiStream {
  readBigU8le() {
    this.ensureBytesLeft(8);
    const v = this._dataView.getBigUint64(this.pos, true);
    this.pos += 8;
    return v;
  }
}

/**
 * A class as the compiler emits it. It comes from text so that each schema has a class of its own.
 * @param {import('../works/records.mjs').RecordSchema} schema @param {string} mode
 */
function recordClass(schema, mode) {
  const reads = schema.fields.map(
    ([name, type]) =>
      `this.${name} = this._io.${type === 'u32' ? 'readU4le' : mode === 'bigint' ? 'readBigU8le' : 'readU8le'}();`,
  );
  return new Function(`
    function Record(_io, _parent, _root) {
      this._io = _io;
      this._parent = _parent;
      this._root = _root || this;
      this._read();
    }
    Record.prototype._read = function () { ${reads.join(' ')} };
    return Record;`)();
}

/** @param {any} Record @param {number} count */
const batchClass = (Record, count) =>
  new Function(
    'Record',
    'count',
    `
  function Batch(_io, _parent, _root) {
    this._io = _io;
    this._parent = _parent;
    this._root = _root || this;
    this._read();
  }
  Batch.prototype._read = function () {
    this.records = [];
    for (var i = 0; i < count; i++) this.records.push(new Record(this._io, this, this._root));
  };
  return Batch;`,
  )(Record, count);

export const tasks = {
  decode({ sets, mode, batch }) {
    const classes = sets.map((set) => batchClass(recordClass(set.schema, mode), batch));
    return {
      batch: (s, b) => new classes[s](new Stream(sets[s].batches[b])).records,
    };
  },
  singleFresh({ sets: [set], mode }) {
    const Record = recordClass(set.schema, mode);
    return { one: (at) => new Record(new Stream(set.bytes.subarray(at, at + SIZE))) };
  },
  cold(bytes) {
    const fields = [
      ['ref_count', 'u32'],
      ['flags', 'u32'],
      ['devid', 'u32'],
      ['pci_domain_nr', 'u32'],
      ['token', 'u64'],
      ['domain_phys', 'u64'],
      ['iommu_phys', 'u64'],
      ['pasid_table', 'u64'],
    ];
    const Record = recordClass({ name: 'device_ser', fields }, 'bigint');
    return new Record(new Stream(bytes));
  },
};
