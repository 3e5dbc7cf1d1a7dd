/** What it takes before a folio is decoded: the bytes of the array, through the image. */
import { openImage } from '../../dist/node/memory/index.js';

/** As large as the windows that the decoder reads. */
const WINDOW = 1 << 20;

export const tasks = {
  /** @param {import('../works/huge-dump.mjs').HugeDump} dump */
  read({ source, arrayAt, arrayBytes }) {
    const image = openImage(source, { raw: { base: 0n } });
    const buffer = new Uint8Array(WINDOW);
    let bytes = 0;
    for (let done = 0; done < arrayBytes; done += WINDOW) {
      const window = buffer.subarray(0, Math.min(WINDOW, arrayBytes - done));
      const holes = image.readInto(arrayAt + BigInt(done), window);
      if (holes.length === 0) bytes += window.length;
    }
    return () => ({ bytes });
  },
};
