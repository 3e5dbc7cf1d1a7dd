import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildHandover, contentsOfBuilt } from '../../dist/node/build/index.js';
import { fileSource, openImage, writeMemory } from '../../dist/node/memory/index.js';
import { diff, openDump } from '../../dist/node/state/index.js';

/** @param {string} text @param {object} [more] said of the memfd */
function build(text, more) {
  const { order, size, hole } = JSON.parse(text);
  const contents = [hole ? { hole: true, size } : { fill: 'zeros', size }];
  const memfd = { contents, folio_order: order, ...more };
  return buildHandover({ sessions: [{ name: 'vm', files: [{ token: 1, memfd }] }] });
}

/** @param {ReturnType<typeof build>} built @param {'elf' | 'kdump'} container */
function write(built, container) {
  let bytes = 0;
  for (const piece of writeMemory(container, contentsOfBuilt(built))) bytes += piece.length;
  return () => ({ container, large: bytes > built.regions.length * 4096 });
}

/** @param {ReturnType<typeof build>} built @param {string} file */
function writeFile(built, file) {
  const out = fs.openSync(file, 'w');
  try {
    for (const piece of writeMemory('elf', contentsOfBuilt(built))) fs.writeSync(out, piece);
  } finally {
    fs.closeSync(out);
  }
}

export const tasks = {
  /** @param {string} text */
  build(text) {
    const { regions } = build(text);
    return () => ({
      bytes: regions.reduce((sum, { label, size }) => (label.includes('contents') ? sum + size : sum), 0),
    });
  },
  elf: (/** @type {string} */ text) => write(build(text), 'elf'),
  kdump: (/** @type {string} */ text) => write(build(text), 'kdump'),
  /** Two dumps as files, one of them with another position; that they are made is part of it. @param {string} text */
  diff(text) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'carryover-bench-'));
    try {
      const [a, b] = [{}, { pos: 4096 }].map((more, i) => {
        const file = path.join(directory, `${i}.elf`);
        writeFile(build(text, more), file);
        return { kind: /** @type {const} */ ('handover'), state: openDump(openImage(fileSource(fs, file))) };
      });
      const { count, notComparable } = diff(a, b);
      return () => ({ count, notComparable });
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  },
};
