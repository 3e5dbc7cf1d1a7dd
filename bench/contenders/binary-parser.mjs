/** binary-parser 2.3, as its README uses it. */
import { Parser } from 'binary-parser';
import { SIZE } from '../works/records.mjs';

/** @param {import('../works/records.mjs').RecordSchema} schema @param {string} mode */
function recordParser(schema, mode) {
  const parser = new Parser();
  for (const [name, type] of schema.fields) {
    if (type === 'u32') parser.uint32le(name);
    else if (mode === 'bigint') parser.uint64le(name);
    else parser.uint64le(name, { formatter: (/** @type {any} */ value) => Number(value) });
  }
  return parser;
}

/** @param {Parser<any>} type @param {number} length */
const arrayOf = (type, length) => new Parser().array('records', { type, length });

export const tasks = {
  decode({ sets, mode, batch }) {
    const parsers = sets.map((set) => arrayOf(recordParser(set.schema, mode), batch));
    return { batch: (s, b) => parsers[s].parse(sets[s].batches[b]).records };
  },
  singleFresh({ sets: [set], mode }) {
    const parser = recordParser(set.schema, mode);
    return { one: (at) => parser.parse(set.bytes.subarray(at, at + SIZE)) };
  },
  field({ sets: [set], batch }) {
    const parser = arrayOf(recordParser(set.schema, 'bigint'), batch);
    return {
      sum() {
        let sum = 0;
        for (const bytes of set.batches) {
          for (const record of parser.parse(bytes).records) sum = (sum + record.flags) | 0;
        }
        return sum;
      },
    };
  },
  array({ sets: [set] }) {
    const parser = arrayOf(recordParser(set.schema, 'bigint'), set.count);
    return { fill: () => parser.parse(set.bytes).records };
  },
  named({ batches }) {
    const element = new Parser().string('name', { length: 64, stripNull: true }).uint64le('a').uint64le('b');
    const record = new Parser()
      .uint64le('id')
      .uint32le('flags')
      .uint32le('count')
      .array('elements', { type: element, length: 'count' });
    const parsers = batches.map((batch) => arrayOf(record, batch.count));
    return { batch: (b) => parsers[b].parse(batches[b].bytes).records };
  },
  header({ messages }) {
    const parser = headerParser();
    return { decode: (i) => judge(parser.parse(messages[i])) };
  },
  headerFresh({ stream, offsets }) {
    const parser = headerParser();
    return { decode: (i) => judge(parser.parse(stream.subarray(offsets[i], offsets[i] + 65536))) };
  },
  headerChecked({ messages, zeros }) {
    const parser = headerParser().buffer('padding', { length: 65508 });
    return {
      decode(i) {
        const header = judge(parser.parse(messages[i]));
        if (Buffer.compare(header.padding, zeros) !== 0) throw new Error('padding is not zero');
        return header;
      },
    };
  },
};

/** The magic is read big-endian; its value tells the order. */
const headerParser = () =>
  new Parser()
    .endianess('big')
    .uint64('magic')
    .uint32('version')
    .uint32('voidp_size')
    .uint32('time_t_size')
    .uint32('flow_size')
    .uint32('flow_sidx_size');

/** @param {any} header */
function judge(header) {
  if (header.magic === 0xb1bb1d1b0bb1d1b0n) header.littleEndian = false;
  else if (header.magic === 0xb0d1b10b1b1dbbb1n) header.littleEndian = true;
  else throw new Error('not a passt header');
  return header;
}
