import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileExtents } from '../../src/cli/file-extents.js';

function hasPerl(): boolean {
  try {
    execFileSync('perl', ['-e', '1']);
    return process.platform === 'linux';
  } catch {
    return false;
  }
}

describe.skipIf(!hasPerl())('the extents of a file', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'carryover-'));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('cover what was written, and little else of 300 GiB', () => {
    const path = join(folder, '-e sparse');
    const places = [0, 100 * 2 ** 30 + 4096, 299 * 2 ** 30];
    const fd = fs.openSync(path, 'w');
    for (const at of places) fs.writeSync(fd, new Uint8Array(100).fill(1), 0, 100, at);
    fs.ftruncateSync(fd, 300 * 2 ** 30);
    fs.closeSync(fd);
    const extents = fileExtents(path) ?? [];
    for (const at of places)
      expect(extents.some(({ offset, length }) => offset <= at && at + 100 <= offset + length)).toBe(true);
    expect(extents.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(2 ** 20);
  });
  it('of a file that is empty space are none', () => {
    const path = join(folder, 'hole');
    fs.writeFileSync(path, '');
    fs.truncateSync(path, 2 ** 31);
    expect(fileExtents(path)).toEqual([]);
  });
  it('are not asked for where a file is small or full', () => {
    const path = join(folder, 'full');
    fs.writeFileSync(path, new Uint8Array(1 << 20).fill(1));
    expect(fileExtents(path)).toBeUndefined();
    expect(fileExtents(path, 0)).toBeUndefined();
  });
});
