/**
 * W4 by hand.
 *
 * @typedef {import('../works/named.mjs').NamedData} NamedData
 * @typedef {(bytes: any, from: number, size: number) => string} ReadName
 */

/** Portable: a NUL-ended name from its bytes. @param {Uint8Array} bytes @param {number} from @param {number} size */
function portableName(bytes, from, size) {
  let text = '';
  for (let i = from, end = from + size; i < end; i++) {
    const byte = bytes[i];
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Node only. @param {any} buffer @param {number} from @param {number} size */
function nodeName(buffer, from, size) {
  let end = from;
  while (end < from + size && buffer[end] !== 0) end++;
  return buffer.latin1Slice(from, end);
}

/** @param {ReadName} readName @returns {(data: NamedData) => object} */
const decoder =
  (readName) =>
  ({ bytes, batches }) => {
    const d = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return {
      batch(/** @type {number} */ b) {
        const { count, from, to } = batches[b];
        const out = new Array(count);
        let p = from;
        for (let i = 0; i < count; i++) {
          if (p + 16 > to) throw new RangeError('truncated');
          const id = d.getBigUint64(p, true);
          const flags = d.getUint32(p + 8, true);
          const n = d.getUint32(p + 12, true);
          p += 16;
          if (n * 80 > to - p) throw new RangeError('truncated');
          const elements = new Array(n);
          for (let e = 0; e < n; e++, p += 80) {
            elements[e] = {
              name: readName(bytes, p, 64),
              a: d.getBigUint64(p + 64, true),
              b: d.getBigUint64(p + 72, true),
            };
          }
          out[i] = { id, flags, count: n, elements };
        }
        return out;
      },
    };
  };

export const tasks = {
  portable: decoder(portableName),
  latin1Slice: decoder(nodeName),
};
