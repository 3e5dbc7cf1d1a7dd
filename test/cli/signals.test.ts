/** Files that are not whole yet are known, so that a signal can take them away. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createFile } from '../../src/cli/node-files.js';

it('an abandoned file and a finished one leave no others', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carryover-'));
  try {
    const before = process.listenerCount('SIGTERM');
    const kept = await createFile(join(folder, 'kept'));
    const left = await createFile(join(folder, 'left'));
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    await kept.write(Uint8Array.of(1));
    await left.write(Uint8Array.of(2));
    await kept.done();
    await left.abandon();
    expect(await readdir(folder)).toEqual(['kept']);
    expect(process.listenerCount('SIGTERM')).toBe(before);
  } finally {
    await rm(folder, { recursive: true });
  }
});
