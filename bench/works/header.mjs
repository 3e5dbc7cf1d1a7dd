/**
 * W3: the first 64 KiB of passt's migration stream as its draft had it. The magic is in the byte
 * order of the machine that wrote it and decides for everything after the header; the five sizes
 * behind it are big-endian; 65,508 zero bytes fill the rest.
 *
 * @typedef {{ items: number, stream: Uint8Array, offsets: number[], messages: Uint8Array[], zeros: Uint8Array }} HeaderData
 */
import { keep } from '../keep.mjs';

export const SIZE = 65536;
export const USED = 28;
export const VALUES = { version: 1, voidp_size: 8, time_t_size: 8, flow_size: 128, flow_sidx_size: 4 };

/** Two headers after one another, one from a little-endian and one from a big-endian machine. */
function makeData() {
  const stream = Buffer.from(new ArrayBuffer(2 * SIZE));
  stream.writeBigUInt64LE(0xb1bb1d1b0bb1d1b0n, 0);
  stream.writeBigUInt64BE(0xb1bb1d1b0bb1d1b0n, SIZE);
  const offsets = [0, SIZE];
  for (const offset of offsets) {
    let at = offset + 8;
    for (const value of Object.values(VALUES)) at = stream.writeUInt32BE(value, at);
  }
  // A batch of headers per pass: the clock is read once for all of them.
  return {
    items: 1024,
    stream,
    offsets,
    messages: offsets.map((at) => stream.subarray(at, at + SIZE)),
    zeros: Buffer.alloc(SIZE - USED),
  };
}

/** The fields may be beside the byte order or below it. @param {any} found @param {boolean} littleEndian */
function check(found, littleEndian) {
  const header = found.header ?? found;
  if (found.littleEndian !== littleEndian) throw new Error('wrong byte order');
  for (const [name, value] of Object.entries(VALUES)) {
    if (header[name] !== value) throw new Error(`${name} is ${header[name]}, not ${value}`);
  }
}

/** @param {(i: number) => unknown} decode @param {number} count */
const repeat = (decode, count) => () => {
  // The loop variable keeps every result a real object; `keep` each time would add a write barrier.
  let last;
  for (let i = 0; i < count; i++) last = decode(i & 1);
  keep(last);
};

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'header',
  groups: [
    {
      id: 'W3-header',
      title: 'passt draft header in either byte order, padding not looked at',
      unit: 'header',
      reference: 'hand-written',
      contenders: [
        { label: 'hand-written', file: 'hand-header', task: 'header' },
        { label: 'hand-written, fresh subarray', file: 'hand-header', task: 'headerFresh' },
        {
          label: 'carryover generated',
          file: 'carryover-generated',
          task: 'header',
          bars: [{ vs: 'binary-parser, fresh subarray', faster: 50 }],
        },
        { label: 'carryover generated, fresh subarray', file: 'carryover-generated', task: 'headerFresh' },
        { label: 'carryover interpreter', file: 'carryover-interpreter', task: 'header' },
        { label: 'binary-parser, fresh subarray', file: 'binary-parser', task: 'headerFresh' },
        { label: 'binary-parser, subarrays ready', file: 'binary-parser', task: 'header' },
      ],
    },
    {
      id: 'W3-header-zeros',
      title: 'the same, with its 65,508 padding bytes checked for zero',
      unit: 'header',
      reference: 'Buffer.compare alone',
      options: { checked: true },
      contenders: [
        { label: 'Buffer.compare alone', file: 'hand-header', task: 'compare' },
        { label: 'hand-written, Buffer.compare', file: 'hand-header', task: 'headerCompared' },
        { label: 'hand-written, portable', file: 'hand-header', task: 'headerChecked' },
        {
          label: 'carryover generated',
          file: 'carryover-generated',
          task: 'headerChecked',
          bars: [{ vs: 'Buffer.compare alone', max: 1.5 }],
        },
        { label: 'carryover interpreter', file: 'carryover-interpreter', task: 'headerChecked' },
        { label: 'binary-parser, Buffer.compare', file: 'binary-parser', task: 'headerChecked' },
      ],
    },
  ],
  data: makeData,
  drive: (group, /** @type {any} */ instance, /** @type {HeaderData} */ data) => ({
    verify() {
      if (instance.reference) return;
      check(instance.decode(0), true);
      check(instance.decode(1), false);
      if (!group.options?.checked) return;
      // The first and the last padding byte, and one in the middle, must be noticed.
      for (const at of [USED, USED + 30001, SIZE - 1]) {
        data.stream[at] = 1;
        let noticed = false;
        try {
          instance.decode(0);
        } catch {
          noticed = true;
        }
        data.stream[at] = 0;
        if (!noticed) throw new Error(`byte ${at} is not zero, and nothing was said`);
      }
    },
    pass: repeat(instance.decode, data.items),
  }),
};
