/** Files with some bytes changed, as Node writes them: as a whole or not at all. */
import { randomBytes } from 'node:crypto';
import fs, { constants } from 'node:fs';
import {
  access,
  copyFile,
  type FileHandle,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FileWrite } from '../build/edit/index.js';
import { fromHex, toHex } from '../codec/index.js';
import { fileSource } from '../memory/index.js';
import { fileExtents } from './file-extents.js';
import { createFile } from './node-files.js';
import { writePatched } from './patched-copy.js';

/** Up to this size a file is changed by putting a copy in its place, also where a copy takes its time. */
const COPIED = 64 << 20;

/** Writes a copy with the changes: a clone where the file system makes one, else a copy that keeps the holes. */
export async function copyPatched(from: string, to: string, writes: readonly FileWrite[]): Promise<void> {
  if (await clonePatched(from, to, writes)) return;
  const source = fileSource(fs, from, fileExtents(from));
  try {
    await writePatched(await createFile(to), source, writes);
  } finally {
    source.close();
  }
}

/**
 * Changes a file itself. A small one, and one that can be cloned, is replaced by a changed copy. Of a large one
 * only the changed bytes are written, after what stands there has been kept in a journal beside it: if that is
 * interrupted, {@link undoPatch} brings the file back.
 */
export async function changePatched(name: string, writes: readonly FileWrite[]): Promise<void> {
  // The file that a link leads to is changed; the link stays.
  const path = await realpath(name);
  await access(path, constants.W_OK);
  await refuseJournal(path);
  const { size } = await stat(path);
  if (size <= COPIED) await copyPatched(path, path, writes);
  else if (!(await clonePatched(path, path, writes))) await patchWithJournal(path, writes);
}

/** A clone takes no time and no room; false where the file system makes none. */
async function clonePatched(from: string, to: string, writes: readonly FileWrite[]): Promise<boolean> {
  const before = await stat(to).catch(() => undefined);
  if (before !== undefined && !before.isFile()) return false;
  const target = before === undefined ? to : await realpath(to);
  const beside = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    await copyFile(from, beside, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch {
    // Whatever is in the way, a plain copy meets it too, or does not need it.
    await rm(beside, { force: true });
    return false;
  }
  try {
    const file = await open(beside, 'r+');
    try {
      if (before !== undefined) await file.chmod(before.mode & 0o7777);
      for (const { offset, bytes } of writes) await writeAt(file, offset, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, target);
    return true;
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

// --- in place ----------------------------------------------------------------------------------------------

interface Journal {
  readonly size: number;
  readonly writes: readonly { readonly offset: number; readonly before: string }[];
}

export function journalOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.carryover-undo`);
}

async function refuseJournal(path: string): Promise<void> {
  if (await exists(journalOf(path)))
    throw new Error('a change of it was interrupted; carryover patch FILE --undo brings back what it was');
}
async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Writes the changed bytes only. What they replace is in a journal until all of them are on the disk. */
export async function patchWithJournal(path: string, writes: readonly FileWrite[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    for (const { offset, before } of writes) {
      const found = new Uint8Array(before.length);
      await file.read(found, 0, found.length, offset);
      if (Buffer.compare(found, before) !== 0) throw new Error('the file changed while it was read');
    }
    const journal: Journal = {
      size,
      writes: writes.map(({ offset, before }) => ({ offset, before: toHex(before) })),
    };
    const kept = await open(journalOf(path), 'wx', 0o600);
    try {
      await kept.writeFile(JSON.stringify(journal));
      await kept.sync();
    } finally {
      await kept.close();
    }
    try {
      for (const { offset, bytes } of writes) await writeAt(file, offset, bytes);
      await file.sync();
    } catch (error) {
      await restore(file, journal);
      await rm(journalOf(path), { force: true });
      throw error;
    }
    await rm(journalOf(path), { force: true });
  } finally {
    await file.close();
  }
}

/** Brings back what an interrupted change replaced. False if there is nothing to bring back. */
export async function undoPatch(name: string): Promise<boolean> {
  const path = await realpath(name);
  if (!(await exists(journalOf(path)))) return false;
  const journal = parseJournal(await readFile(journalOf(path), 'utf8'));
  if (journal !== undefined) {
    const file = await open(path, 'r+');
    try {
      await restore(file, journal);
    } finally {
      await file.close();
    }
  }
  // A journal that was cut off itself was written before anything else was.
  await rm(journalOf(path), { force: true });
  return true;
}

async function restore(file: FileHandle, { size, writes }: Journal): Promise<void> {
  for (const { offset, before } of writes) await writeAt(file, offset, fromHex(before) ?? new Uint8Array());
  await file.truncate(size);
  await file.sync();
}

function parseJournal(text: string): Journal | undefined {
  try {
    return JSON.parse(text) as Journal;
  } catch {
    return undefined;
  }
}

async function writeAt(file: FileHandle, offset: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}
