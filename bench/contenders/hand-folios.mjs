/**
 * W2 by hand: an Int32Array over the bytes (little-endian hosts), an outer loop per run, an inner one
 * that compares raw words with the next expected ones; a number is made once per run.
 */
export const tasks = {
  /** @param {import('../works/folios.mjs').FolioData} data */
  runs({ bytes, capacity, items }) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, items * 4);
    const starts = new Float64Array(capacity);
    const lengths = new Uint32Array(capacity);
    return {
      runs() {
        const end = items * 4;
        let count = 0;
        let i = 0;
        while (i < end) {
          const low = words[i];
          const high = words[i + 1] & 0xfffff;
          const from = i;
          // The inner loop stops before the low word wraps, so the high word stands still in it.
          const room = (4294967296 - (low >>> 0)) * 4;
          const stop = room < end - i ? i + room : end;
          let next = (low + 1) | 0;
          i += 4;
          while (i < stop && words[i] === next && ((words[i + 1] ^ high) & 0xfffff) === 0) {
            next = (next + 1) | 0;
            i += 4;
          }
          const start = high * 4294967296 + (low >>> 0);
          const length = (i - from) >> 2;
          if (low === 0 && count > 0 && starts[count - 1] + lengths[count - 1] === start) {
            lengths[count - 1] += length;
          } else {
            starts[count] = start;
            lengths[count] = length;
            count++;
          }
        }
        return { count, starts, lengths };
      },
    };
  },
};
