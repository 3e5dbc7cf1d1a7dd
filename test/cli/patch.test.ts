/** Changing large files in place: all of it or none, whatever happens in between. */
import { lstat, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFile, isSameFile } from '../../src/cli/node-files.js';
import {
  changePatched,
  copyPatched,
  journalOf,
  patchWithJournal,
  undoPatch,
} from '../../src/cli/node-patch.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carryover-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const write = (offset: number, before: string, bytes: string) => ({
  offset,
  before: new TextEncoder().encode(before),
  bytes: new TextEncoder().encode(bytes),
});
async function made(name: string, text = 'abcdefghij'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('a file that is written piece by piece', () => {
  it('is that which a link leads to', async () => {
    const target = await made('linked', 'old');
    const link = join(folder, 'link');
    await symlink(target, link);
    const file = await createFile(link);
    await file.write(new TextEncoder().encode('new'));
    await file.done();
    expect(await readFile(target, 'utf8')).toBe('new');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await isSameFile(link, target)).toBe(true);
    expect(await isSameFile(link, join(folder, 'none'))).toBe(false);
  });
});

describe('a copy', () => {
  it('has the changes, and leaves the file as it was', async () => {
    const from = await made('from');
    const to = join(folder, 'to');
    await copyPatched(from, to, [write(1, 'b', 'B'), write(10, '', 'more')]);
    expect(await readFile(to, 'utf8')).toBe('aBcdefghijmore');
    expect(await readFile(from, 'utf8')).toBe('abcdefghij');
  });
  it('of a sparse file is sparse', async () => {
    const from = join(folder, 'sparse');
    const file = await open(from, 'w');
    await file.truncate(3 * 2 ** 30);
    await file.write('end', 3 * 2 ** 30);
    await file.close();
    const to = join(folder, 'sparse-copy');
    await copyPatched(from, to, [write(2 ** 31, '\0\0\0', 'mid')]);
    const { size, blocks } = await stat(to);
    expect(size).toBe(3 * 2 ** 30 + 3);
    expect(blocks * 512).toBeLessThan(16 << 20);
    const copy = await open(to, 'r');
    const { buffer } = await copy.read(new Uint8Array(5), 0, 5, 2 ** 31 - 1);
    await copy.close();
    expect(new TextDecoder().decode(buffer)).toBe('\0mid\0');
    await rm(from);
    await rm(to);
  });
});

describe('a change in place', () => {
  it('is made, and nothing is left beside the file', async () => {
    const path = await made('small');
    await changePatched(path, [write(0, 'a', 'A')]);
    expect(await readFile(path, 'utf8')).toBe('Abcdefghij');
    expect((await readdir(folder)).filter((name) => name.includes('small'))).toEqual(['small']);
  });
  it('of a large file writes the changed bytes only', async () => {
    const path = await made('large');
    const { ino } = await stat(path);
    await patchWithJournal(path, [write(3, 'd', 'D'), write(10, '', 'x')]);
    expect(await readFile(path, 'utf8')).toBe('abcDefghijx');
    expect((await stat(path)).ino).toBe(ino);
    expect(await stat(journalOf(path)).catch(() => 'gone')).toBe('gone');
  });
  it('is refused where the file is another one by now', async () => {
    const path = await made('other');
    await expect(patchWithJournal(path, [write(3, 'X', 'D')])).rejects.toThrow(
      'the file changed while it was read',
    );
    expect(await readFile(path, 'utf8')).toBe('abcdefghij');
  });
  it('that fails half-way is taken back', async () => {
    const path = await made('failing');
    const unwritable = { length: 1 } as unknown as Uint8Array;
    const writes = [write(3, 'd', 'D'), { offset: 5, before: new Uint8Array(), bytes: unwritable }];
    await expect(patchWithJournal(path, writes)).rejects.toThrow();
    expect(await readFile(path, 'utf8')).toBe('abcdefghij');
    expect(await stat(journalOf(path)).catch(() => 'gone')).toBe('gone');
  });
  it('that was interrupted is undone, and nothing else before that', async () => {
    const path = await made('cut', 'abcDefghijx');
    await writeFile(
      journalOf(path),
      JSON.stringify({
        size: 10,
        writes: [
          { offset: 3, before: '64' },
          { offset: 10, before: '' },
        ],
      }),
    );
    await expect(changePatched(path, [write(0, 'a', 'A')])).rejects.toThrow('carryover patch FILE --undo');
    expect(await undoPatch(path)).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('abcdefghij');
    expect(await undoPatch(path)).toBe(false);
  });
});
