import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export const tasks = {
  /** @param {string} path */
  gunzip(path) {
    const bytes = gunzipSync(readFileSync(path));
    return () => ({ bytes: bytes.length });
  },
};
