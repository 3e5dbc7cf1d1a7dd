import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { openHandover } from '../../dist/node/formats/kho/index.js';
import { bytesSource, openImage } from '../../dist/node/memory/index.js';

export const tasks = {
  /** @param {string} path */
  capture(path) {
    const { generation, value } = openHandover(openImage(bytesSource(gunzipSync(readFileSync(path)))));
    return () => ({
      generation: generation?.name,
      pages: Number(value.preserved.pages),
      files: value.entries.LUO.sessions.map((session) => session.files.length),
    });
  },
  /** @param {import('../works/huge-dump.mjs').HugeDump} dump */
  summarise({ source, root }) {
    const { value, findings } = openHandover(openImage(source, { raw: { base: 0n } }), { khoFdt: root });
    const { folios } = value.entries.LUO.sessions[0].files[0].memfd;
    return () => {
      let count = 0;
      for (const run of folios) count += run.count;
      return { folios: count, runs: folios.length, findings: findings.length };
    };
  },
};
