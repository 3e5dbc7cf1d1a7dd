/** Files that are too large to be read or written as a whole, and directories, as Node gives them. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import {
  access,
  type FileHandle,
  open,
  constants as permission,
  readdir,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileSource } from '../memory/index.js';
import { fileExtents } from './file-extents.js';
import type { Opened, OutputFile } from './io.js';

/** A copy of a debugfs directory has a handful of small files; whoever names another directory shall not wait. */
const MAX_FILES = 256;
const MAX_FILE = 16 << 20;
const MAX_DEPTH = 6;

export async function openPath(path: string): Promise<Opened> {
  const before = await stat(path);
  if (before.isDirectory()) return { kind: 'directory', files: await readTree(path) };
  if (!before.isFile()) return { kind: 'stream' };
  return { kind: 'file', source: fileSource(fs, path, fileExtents(path)) };
}

export async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

async function readTree(root: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const visit = async (inner: string, depth: number): Promise<void> => {
    const entries = await readdir(join(root, inner), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (files.size >= MAX_FILES) return;
      const name = inner === '' ? entry.name : `${inner}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < MAX_DEPTH) await visit(name, depth + 1);
      } else if (entry.isFile()) files.set(name, await readHead(join(root, name)));
    }
  };
  await visit('', 0);
  return files;
}

/** Files of debugfs say that they have 0 bytes, so they are read until they end. */
async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const parts: Uint8Array[] = [];
    let size = 0;
    while (size < MAX_FILE) {
      const part = new Uint8Array(1 << 16);
      const { bytesRead } = await file.read(part, 0, part.length, null);
      if (bytesRead === 0) break;
      parts.push(part.subarray(0, bytesRead));
      size += bytesRead;
    }
    return Buffer.concat(parts);
  } finally {
    await file.close();
  }
}

/** Files that are not whole yet: they go when the process is told to end. */
const unfinished = new Set<string>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function forgetUnfinished(): void {
  for (const path of unfinished) fs.rmSync(path, { force: true });
  unfinished.clear();
}
function onSignal(signal: NodeJS.Signals): void {
  forgetUnfinished();
  // As if nobody had listened.
  for (const each of SIGNALS) process.removeListener(each, onSignal);
  process.kill(process.pid, signal);
}
function begun(path: string): void {
  if (unfinished.size === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  unfinished.add(path);
}
function ended(path: string): void {
  unfinished.delete(path);
  if (unfinished.size === 0) for (const signal of SIGNALS) process.removeListener(signal, onSignal);
}

/** Beside the file first and then in its place, so that a crash or a full disk leaves the old file as it was. */
export async function createFile(name: string): Promise<OutputFile> {
  const before = await stat(name).catch(() => undefined);
  // The file that a link leads to takes the bytes; the link stays.
  const path = before === undefined ? name : await realpath(name);
  // Putting another in its place would not ask whether it may be written.
  if (before !== undefined) await access(path, permission.W_OK);
  const inPlace = before !== undefined && !before.isFile();
  const beside = inPlace ? path : join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const file = await open(beside, inPlace ? 'w' : 'wx', before === undefined ? 0o666 : before.mode & 0o7777);
  if (!inPlace) begun(beside);
  let at = 0;
  const writeZeros = async (length: number): Promise<void> => {
    const zeros = new Uint8Array(Math.min(length, 1 << 20));
    for (let done = 0; done < length; done += zeros.length)
      await writeFully(file, zeros.subarray(0, Math.min(zeros.length, length - done)), null);
  };
  return {
    write: async (bytes) => {
      await writeFully(file, bytes, inPlace ? null : at);
      at += bytes.length;
    },
    skip: async (length) => {
      // A pipe or a device has no holes.
      if (inPlace) await writeZeros(length);
      at += length;
    },
    done: async () => {
      try {
        if (!inPlace) {
          await file.truncate(at);
          await file.sync();
        }
      } finally {
        await file.close();
      }
      if (inPlace) return;
      await rename(beside, path);
      ended(beside);
    },
    abandon: async () => {
      await file.close().catch(() => undefined);
      if (inPlace) return;
      await rm(beside, { force: true });
      ended(beside);
    },
  };
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      bytes.length - done,
      position === null ? null : position + done,
    );
    done += bytesWritten;
  }
}
