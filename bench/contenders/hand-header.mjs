/**
 * W3 by hand.
 *
 * @typedef {import('../works/header.mjs').HeaderData} HeaderData
 */
import { SIZE, USED } from '../works/header.mjs';

/** @param {DataView} d @param {number} p */
function header(d, p) {
  const first = d.getUint32(p);
  const second = d.getUint32(p + 4);
  let littleEndian = false;
  if (first === 0xb0d1b10b && second === 0x1b1dbbb1) littleEndian = true;
  else if (first !== 0xb1bb1d1b || second !== 0x0bb1d1b0) throw new Error('not a passt header');
  return {
    littleEndian,
    version: d.getUint32(p + 8),
    voidp_size: d.getUint32(p + 12),
    time_t_size: d.getUint32(p + 16),
    flow_size: d.getUint32(p + 20),
    flow_sidx_size: d.getUint32(p + 24),
  };
}

/** 65,508 bytes are 16,377 words: eight at a time, then one. @param {Int32Array} words @param {number} from @param {number} to */
function allZero(words, from, to) {
  let i = from;
  for (; i + 8 <= to; i += 8) {
    if (
      (words[i] |
        words[i + 1] |
        words[i + 2] |
        words[i + 3] |
        words[i + 4] |
        words[i + 5] |
        words[i + 6] |
        words[i + 7]) !==
      0
    )
      return false;
  }
  for (; i < to; i++) if (words[i] !== 0) return false;
  return true;
}

/** @param {HeaderData} data */
const viewOf = ({ stream }) => new DataView(stream.buffer, stream.byteOffset, stream.byteLength);

export const tasks = {
  header(data) {
    const d = viewOf(data);
    return { decode: (i) => header(d, data.offsets[i]) };
  },
  headerFresh({ stream, offsets }) {
    return {
      decode(i) {
        const message = stream.subarray(offsets[i], offsets[i] + SIZE);
        return header(new DataView(message.buffer, message.byteOffset, message.byteLength), 0);
      },
    };
  },
  headerCompared(data) {
    const d = viewOf(data);
    const stream = /** @type {Buffer} */ (data.stream);
    return {
      decode(i) {
        const at = data.offsets[i];
        const value = header(d, at);
        if (stream.compare(data.zeros, 0, SIZE - USED, at + USED, at + SIZE) !== 0)
          throw new Error('padding is not zero');
        return value;
      },
    };
  },
  headerChecked(data) {
    const d = viewOf(data);
    const words = new Int32Array(data.stream.buffer);
    return {
      decode(i) {
        const at = data.offsets[i];
        const value = header(d, at);
        if (!allZero(words, (at + USED) >> 2, (at + SIZE) >> 2)) throw new Error('padding is not zero');
        return value;
      },
    };
  },
  compare(data) {
    const stream = /** @type {Buffer} */ (data.stream);
    return {
      reference: true,
      decode: (i) =>
        stream.compare(data.zeros, 0, SIZE - USED, data.offsets[i] + USED, data.offsets[i] + SIZE),
    };
  },
};
