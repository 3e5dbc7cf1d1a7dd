/**
 * W1: packed little-endian records of 48 bytes, four u32 and four u64, the shape of a kernel's
 * serialised device. The u64 are below 2^48, as physical addresses are, so that they fit a number.
 *
 * @typedef {import('../types.d.ts').Group} Group
 * @typedef {import('../types.d.ts').ContenderEntry} ContenderEntry
 * @typedef {[name: string, type: 'u32' | 'u64']} Field
 * @typedef {{ name: string, fields: Field[] }} RecordSchema
 * @typedef {{ schema: RecordSchema, bytes: Uint8Array, count: number, batches: Uint8Array[] }} RecordSet
 * @typedef {{ items: number, mode: 'bigint' | 'number', sets: RecordSet[], batch: number }} RecordData
 */

import { keep } from '../keep.mjs';
import { addBytes, addU32, addU64, SEED, same } from './checksum.mjs';
import { random } from './random.mjs';

export const SIZE = 48;
export const BATCH = 1000;

/** @param {string} name @param {string} fields `name:type` words */
const record = (name, fields) => ({
  name,
  fields: /** @type {Field[]} */ (fields.split(' ').map((field) => field.split(':'))),
});

/** Eight shapes of the same size: other names, another order. The first is the one used alone. */
export const SCHEMAS = [
  record(
    'device_ser',
    'ref_count:u32 flags:u32 devid:u32 pci_domain_nr:u32 token:u64 domain_phys:u64 iommu_phys:u64 pasid_table:u64',
  ),
  record(
    'domain_ser',
    'top_table_phys:u64 top_level:u64 ref_count:u32 flags:u32 vasz:u32 sign_extend:u32 attach_count:u64 restored:u64',
  ),
  record(
    'hw_ser',
    'ref_count:u32 deleted:u32 token:u64 phys_addr:u64 root_table:u64 context_bitmap:u64 type:u32 restored:u32',
  ),
  record('file_ser', 'token:u64 data:u64 state:u32 kind:u32 count:u64 serial:u64 mode:u32 owner:u32'),
  record(
    'session_ser',
    'files_phys:u64 nr_files:u32 state:u32 name_phys:u64 next_phys:u64 user:u32 group:u32 created:u64',
  ),
  record(
    'memfd_ser',
    'pos:u64 size:u64 folios_phys:u64 nr_folios:u64 seals:u32 fd_flags:u32 mode:u32 pad:u32',
  ),
  record(
    'vcpu_ser',
    'id:u32 apic:u64 state:u32 rip:u64 rsp:u64 cpuid_count:u32 msr_count:u32 xsave_phys:u64',
  ),
  record(
    'block_ser',
    'next_phys:u64 index:u32 nr_entries:u32 first:u64 last:u64 used:u64 order:u32 zone:u32',
  ),
];

/** @param {RecordSchema} schema @param {number} count @param {number} seed */
function recordBytes(schema, count, seed) {
  const next = random(seed);
  // A Buffer of its own memory, not of the shared pool: some contenders want a Buffer.
  const bytes = Buffer.from(new ArrayBuffer(count * SIZE));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (let i = 0; i < count; i++) {
    for (const [name, type] of schema.fields) {
      if (type === 'u64') {
        view.setUint32(at, next() & ~0xfff, true);
        view.setUint32(at + 4, (next() & 0xffff) | 1, true);
        at += 8;
      } else {
        // Flags use their top bit (no small integer in V8), other u32 are small.
        view.setUint32(at, name === 'flags' ? 0x80000000 | (next() & 7) : next() & 0xffff, true);
        at += 4;
      }
    }
  }
  return bytes;
}

/** @param {RecordSet} set @param {unknown[]} records @param {number} hash @param {'bigint' | 'number'} mode */
function addRecords(set, records, hash, mode) {
  for (const value of /** @type {Record<string, unknown>[]} */ (records)) {
    for (const [name, type] of set.schema.fields) {
      hash = type === 'u64' ? addU64(hash, value[name], mode) : addU32(hash, value[name]);
    }
  }
  return hash;
}

/** Plain objects of a set, for encoders and for checks. @param {RecordSet} set @param {'bigint' | 'number'} mode */
export function plainRecords(set, mode) {
  const view = new DataView(set.bytes.buffer);
  let at = 0;
  const one = () => {
    const value = /** @type {Record<string, number | bigint>} */ ({});
    for (const [name, type] of set.schema.fields) {
      if (type === 'u32') value[name] = view.getUint32(at, true);
      else
        value[name] = mode === 'bigint' ? view.getBigUint64(at, true) : Number(view.getBigUint64(at, true));
      at += type === 'u32' ? 4 : 8;
    }
    return value;
  };
  return Array.from({ length: set.count }, one);
}

/** @param {(at: number) => unknown} one @param {number} end */
const each = (one, end) => () => {
  // The loop variable keeps every result a real object; `keep` each time would add a write barrier.
  let last;
  for (let at = 0; at < end; at += SIZE) last = one(at);
  keep(last);
};

/** @type {Record<string, (instance: any, data: any) => import('../types.d.ts').Driver>} */
const drivers = {
  /** instance.batch(index of set, index of batch) -> 1000 objects, dropped at once */
  decode: (instance, /** @type {RecordData} */ data) => ({
    verify() {
      data.sets.forEach((set, s) => {
        let hash = SEED;
        for (let b = 0; b < set.batches.length; b++)
          hash = addRecords(set, instance.batch(s, b), hash, data.mode);
        same(hash, addBytes(SEED, set.bytes), set.schema.name);
      });
    },
    pass() {
      // Batch by batch through all the sets, so that all schemas stay in use.
      const batches = data.sets[0].batches.length;
      for (let b = 0; b < batches; b++) for (let s = 0; s < data.sets.length; s++) keep(instance.batch(s, b));
    },
  }),

  /** instance.one(offset) -> one object */
  single: (instance, /** @type {RecordData} */ data) => ({
    verify() {
      const [set] = data.sets;
      let hash = SEED;
      for (let at = 0; at < set.bytes.length; at += SIZE)
        hash = addRecords(set, [instance.one(at)], hash, data.mode);
      same(hash, addBytes(SEED, set.bytes), set.schema.name);
    },
    pass: each(instance.one, data.sets[0].bytes.length),
  }),

  /** instance.sum() -> the sum, as int32, of `flags` over all records */
  field: (instance, /** @type {RecordData} */ data) => ({
    verify() {
      let sum = 0;
      const view = new DataView(data.sets[0].bytes.buffer);
      for (let at = 4; at < view.byteLength; at += SIZE) sum = (sum + view.getUint32(at, true)) | 0;
      if (instance.sum() !== sum) throw new Error(`sum ${instance.sum()}, expected ${sum}`);
    },
    pass: () => keep(instance.sum()),
  }),

  /** instance.fill() -> { field: array-like of values }, or an array of records */
  columns: (instance, /** @type {RecordData} */ data) => ({
    verify() {
      const [set] = data.sets;
      if (instance.verify) return instance.verify(addBytes(SEED, set.bytes));
      const columns = instance.fill();
      let hash = SEED;
      if (Array.isArray(columns)) hash = addRecords(set, columns, hash, 'bigint');
      else {
        for (let i = 0; i < set.count; i++) {
          for (const [name, type] of set.schema.fields)
            hash = type === 'u64' ? addU64(hash, columns[name][i], 'either') : addU32(hash, columns[name][i]);
        }
      }
      same(hash, addBytes(SEED, set.bytes), 'columns');
    },
    pass: () => keep(instance.fill()),
    timedPasses: instance.timedPasses,
    close: instance.close,
  }),

  /** instance.encode(index of batch) -> bytes of 1000 records */
  encode: (instance, /** @type {RecordData} */ data) => ({
    verify() {
      const [set] = data.sets;
      let hash = SEED;
      for (let b = 0; b < set.batches.length; b++) hash = addBytes(hash, instance.encode(b));
      same(hash, addBytes(SEED, set.bytes), 'encoded bytes');
    },
    pass() {
      const batches = data.sets[0].batches.length;
      for (let b = 0; b < batches; b++) keep(instance.encode(b));
    },
  }),
};

/** @param {'bigint' | 'number'} mode @param {number} schemas @returns {Group} */
function decodeGroup(mode, schemas) {
  const generated =
    mode === 'bigint'
      ? [
          { vs: 'hand-written', max: 1.05 },
          { vs: 'binary-parser', faster: 1.25 },
          { vs: 'restructure', faster: 20 },
        ]
      : [
          { vs: 'hand-written', max: 1.15 },
          { vs: 'binary-parser', faster: 3 },
          { vs: 'restructure', faster: 20 },
        ];
  // The interpreter's bar is meant for a process with many schemas; alone it is only shown.
  const interpreted =
    schemas === 1
      ? []
      : [
          { vs: 'hand-written', max: mode === 'bigint' ? 3 : 5 },
          { vs: 'restructure', faster: 4 },
        ];
  return {
    id: `W1-decode-${mode}${schemas === 1 ? '' : `-${schemas}`}`,
    title: `48-byte records to objects, batches of ${BATCH}, u64 as ${mode}${schemas === 1 ? '' : `, ${schemas} schemas alive`}`,
    unit: 'record',
    reference: 'hand-written',
    options: { work: 'decode', mode, schemas, count: 100_000 },
    contenders: [
      { label: 'hand-written', file: 'hand-records', task: 'decode' },
      { label: 'carryover generated', file: 'carryover-generated', task: 'decode', bars: generated },
      { label: 'carryover interpreter', file: 'carryover-interpreter', task: 'decode', bars: interpreted },
      { label: 'binary-parser', file: 'binary-parser', task: 'decode' },
      { label: 'kaitai', file: 'kaitai', task: 'decode' },
      { label: 'restructure', file: 'restructure', task: 'decode' },
    ],
    notes: mode === 'number' ? 'carryover checks that each u64 fits; the others do not' : undefined,
  };
}

/** @param {'bigint' | 'number'} mode @param {number} max @returns {Group} */
const encodeGroup = (mode, max) => ({
  id: `W1-encode-${mode}`,
  title: `objects to 48-byte records, batches of ${BATCH}, u64 as ${mode}`,
  unit: 'record',
  reference: 'hand-written',
  options: { work: 'encode', mode, schemas: 1, count: 10_000 },
  contenders: [
    { label: 'hand-written', file: 'hand-records', task: 'encode' },
    { label: 'hand-written, range-checked', file: 'hand-records', task: 'encodeChecked' },
    {
      label: 'carryover generated, into',
      file: 'carryover-generated',
      task: 'encodeInto',
      bars: [
        { vs: 'hand-written', max },
        { vs: 'restructure', faster: 25 },
      ],
    },
    { label: 'carryover generated', file: 'carryover-generated', task: 'encode' },
    { label: 'carryover interpreter', file: 'carryover-interpreter', task: 'encode' },
    { label: 'restructure', file: 'restructure', task: 'encode' },
  ],
  notes:
    'hand-written: plain unchecked DataView calls into one buffer, as carryover with `into`; that checks every value, and without `into` it also looks for unknown keys and allocates',
});

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'records',
  groups: [
    decodeGroup('bigint', 1),
    decodeGroup('number', 1),
    decodeGroup('bigint', 8),
    decodeGroup('number', 8),
    {
      id: 'W1-single',
      title: 'one 48-byte record per call, u64 as bigint',
      unit: 'record',
      reference: 'hand-written, at an offset',
      options: { work: 'single', mode: 'bigint', schemas: 1, count: 20_000 },
      contenders: [
        { label: 'hand-written, at an offset', file: 'hand-records', task: 'single' },
        { label: 'hand-written, fresh subarray', file: 'hand-records', task: 'singleFresh' },
        {
          label: 'carryover generated, at an offset',
          file: 'carryover-generated',
          task: 'single',
          bars: [{ vs: 'binary-parser, fresh subarray', faster: 10 }],
        },
        { label: 'carryover generated, fresh subarray', file: 'carryover-generated', task: 'singleFresh' },
        { label: 'carryover interpreter, at an offset', file: 'carryover-interpreter', task: 'single' },
        { label: 'binary-parser, fresh subarray', file: 'binary-parser', task: 'singleFresh' },
        { label: 'kaitai, fresh subarray', file: 'kaitai', task: 'singleFresh' },
        { label: 'restructure, fresh subarray', file: 'restructure', task: 'singleFresh' },
      ],
      notes: 'binary-parser, kaitai and restructure take no offset, so each message is a subarray of its own',
    },
    {
      id: 'W1-view',
      title: 'one u32 of each 48-byte record',
      unit: 'record',
      reference: 'raw DataView loop',
      options: { work: 'field', mode: 'bigint', schemas: 1, count: 20_000 },
      contenders: [
        { label: 'raw DataView loop', file: 'hand-records', task: 'field' },
        {
          label: 'carryover generated view',
          file: 'carryover-generated',
          task: 'field',
          bars: [{ vs: 'raw DataView loop', max: 1.05 }],
        },
        {
          label: 'carryover interpreter view',
          file: 'carryover-interpreter',
          task: 'field',
          bars: [{ vs: 'raw DataView loop', max: 1.05 }],
        },
        { label: 'binary-parser, then read', file: 'binary-parser', task: 'field' },
      ],
    },
    {
      id: 'W1-columns',
      title: '8 columns of 100,000 records into typed arrays',
      unit: 'record',
      reference: 'hand-written',
      options: { work: 'columns', mode: 'bigint', schemas: 1, count: 100_000 },
      contenders: [
        { label: 'hand-written', file: 'hand-records', task: 'columns' },
        { label: 'hand-written, fresh arrays', file: 'hand-records', task: 'columnsFresh' },
        { label: 'C -O2', file: 'c', task: 'columns' },
        {
          label: 'carryover',
          file: 'carryover-interpreter',
          task: 'columns',
          bars: [
            { vs: 'C -O2', max: 2.6 },
            { vs: 'binary-parser, array', faster: 30 },
          ],
        },
        { label: 'carryover, fresh arrays', file: 'carryover-interpreter', task: 'columnsFresh' },
        { label: 'binary-parser, array', file: 'binary-parser', task: 'array' },
      ],
      notes:
        'into arrays made once, unless it says fresh; carryover fills columns without generated code; binary-parser gives one array of 100,000 objects',
    },
    encodeGroup('number', 1.5),
    encodeGroup('bigint', 0.8),
  ],

  /** @param {Group} group @returns {RecordData} */
  data({ options }) {
    const { mode, schemas, count } = /** @type {any} */ (options);
    const each = Math.floor(count / schemas / BATCH) * BATCH;
    const sets = SCHEMAS.slice(0, schemas).map((schema, s) => {
      const bytes = recordBytes(schema, each, s + 1);
      const batches = Array.from({ length: each / BATCH }, (_, b) =>
        bytes.subarray(b * BATCH * SIZE, (b + 1) * BATCH * SIZE),
      );
      return { schema, bytes, count: each, batches };
    });
    return { items: each * schemas, mode, sets, batch: BATCH };
  },

  drive: (group, instance, data) => drivers[/** @type {any} */ (group.options).work](instance, data),
};
