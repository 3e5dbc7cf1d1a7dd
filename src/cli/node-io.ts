/** The system as Node gives it. */
import { constants } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  access,
  mkdir,
  open,
  constants as permission,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CarryoverError } from '../codec/index.js';
import type { StateCode } from '../state/index.js';
import type { IO } from './io.js';
import { createFile, isSameFile, openPath } from './node-files.js';
import { changePatched, copyPatched, undoPatch } from './node-patch.js';

export function nodeIO(): IO {
  const { stdout, stderr, stdin } = process;
  let closed = false;
  // Whoever reads may stop at any time (`| head`): that is no error of ours.
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error;
    closed = true;
    stdout.emit('drain');
  };
  stdout.on('error', onError);
  stderr.on('error', () => {
    // There is nobody left to tell.
  });
  return {
    env: process.env,
    stdoutIsTTY: stdout.isTTY === true,
    stderrIsTTY: stderr.isTTY === true,
    columns: stdout.isTTY === true ? stdout.columns : undefined,
    readStdin: () => readStream(stdin, 'standard input'),
    readFile: async (path) => {
      try {
        // A pipe or a device may have no end, and does not say how long it is.
        if (!(await stat(path)).isFile()) return await readStream(createReadStream(path), 'the input');
        return await readFile(path);
      } catch (error) {
        if (isErrno(error, 'ERR_FS_FILE_TOO_LARGE')) throw tooLarge('the file');
        throw error;
      }
    },
    writeFile: writeWhole,
    openPath,
    createFile,
    makeDirectory: async (path) => {
      await mkdir(path, { recursive: true });
    },
    isSameFile,
    copyPatched,
    changePatched,
    undoPatch,
    write: (chunk) =>
      new Promise((resolve) => {
        if (closed) resolve(false);
        else if (stdout.write(chunk)) resolve(!closed);
        else stdout.once('drain', () => resolve(!closed));
      }),
    writeError: (text) => {
      stderr.write(text);
    },
    gzip: (bytes) => gzipSync(bytes),
    gunzip: (bytes) => {
      try {
        return gunzipSync(bytes, { maxOutputLength: MAX_UNMEASURED });
      } catch (error) {
        if (isErrno(error, 'ERR_BUFFER_TOO_LARGE')) throw tooLarge('what the input unpacks to');
        throw error;
      }
    },
  };
}

/** Most bytes taken from what does not say beforehand how much it is: 2 GiB, or one buffer if that is less. */
const MAX_UNMEASURED = Math.min(constants.MAX_LENGTH, 2 ** 31);

async function readStream(stream: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_UNMEASURED) throw tooLarge(name);
  }
  return Buffer.concat(chunks);
}

/** Beside the file first and then in its place: a crash or a full disk leaves the old file as it was. */
async function writeWhole(name: string, bytes: Uint8Array): Promise<void> {
  const before = await stat(name).catch(() => undefined);
  // The file that a link leads to takes the bytes; the link stays.
  const path = before === undefined ? name : await realpath(name);
  // A device or a pipe (`-o /dev/stdout`) is written to, not replaced.
  if (before !== undefined && !before.isFile()) {
    const file = await open(path, 'w');
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    return;
  }
  // Putting another in its place would not ask whether it may be written.
  if (before !== undefined) await access(path, permission.W_OK);
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(beside, 'wx', before === undefined ? 0o666 : before.mode & 0o7777);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

function tooLarge(what: string): CarryoverError {
  return new CarryoverError(
    'input-too-large' satisfies StateCode,
    `${what} is larger than a buffer can be here`,
  );
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
