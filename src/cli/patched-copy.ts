/** A copy of a file with some bytes changed, as large as files may be: holes of the one are holes of the other. */
import type { FileWrite } from '../build/edit/index.js';
import type { Source } from '../memory/index.js';
import type { OutputFile } from './io.js';

/** Where holes are known the pieces are smaller, so that none of them reaches far into one. */
const WINDOW = 1 << 20;
const WINDOW_OF_SPARSE = 1 << 16;

/** Writes all of a source with the changes, which ascend and do not overlap. Leaves nothing behind if it fails. */
export async function writePatched(
  output: OutputFile,
  source: Source,
  writes: readonly FileWrite[],
): Promise<void> {
  const window = source.nextData === undefined ? WINDOW : WINDOW_OF_SPARSE;
  try {
    const end = writes.reduce(
      (most, { offset, bytes }) => Math.max(most, offset + bytes.length),
      source.size,
    );
    let next = 0;
    for (let at = 0; at < end; ) {
      while (next < writes.length && endOf(writes[next]) <= at) next++;
      const change = writes[next]?.offset ?? end;
      const data = Math.min(source.nextData?.(at) ?? at, source.size);
      const hole = Math.min(at < source.size ? data : end, change);
      if (hole > at) {
        await output.skip(hole - at);
        at = hole;
        continue;
      }
      const bytes = new Uint8Array(Math.min(window, end - at));
      bytes.set(source.read(at, bytes.length));
      for (let i = next; i < writes.length; i++) if (!lay(writes[i], at, bytes)) break;
      await output.write(bytes);
      at += bytes.length;
    }
    await output.done();
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

/** The whole in memory. */
export function patched(source: Source, writes: readonly FileWrite[]): Uint8Array {
  const end = writes.reduce((most, write) => Math.max(most, endOf(write)), source.size);
  const bytes = new Uint8Array(end);
  bytes.set(source.read(0, source.size));
  for (const { offset, bytes: fresh } of writes) bytes.set(fresh, offset);
  return bytes;
}

function endOf(write: FileWrite | undefined): number {
  return write === undefined ? 0 : write.offset + write.bytes.length;
}
/** Lays a change over a window; false if it begins behind it. */
function lay(write: FileWrite | undefined, at: number, window: Uint8Array): boolean {
  if (write === undefined || write.offset >= at + window.length) return false;
  const from = Math.max(0, at - write.offset);
  const to = Math.min(write.bytes.length, at + window.length - write.offset);
  if (to > from) window.set(write.bytes.subarray(from, to), write.offset + from - at);
  return true;
}
