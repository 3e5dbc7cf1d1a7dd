/**
 * Files as sources. Node's `fs` is handed in rather than imported, so that this part runs where there is no
 * Node: `fileSource(fs, path)` with `import fs from 'node:fs'`.
 */
import { memoryError } from './codes.js';
import type { Source } from './source.js';

/** What is needed of Node's `fs`. */
export interface FileSystem {
  openSync(path: string, flags: 'r'): number;
  fstatSync(fd: number): { readonly size: number };
  readSync(fd: number, into: Uint8Array, offset: number, length: number, position: number): number;
  closeSync(fd: number): void;
}
export interface FileSource extends Source {
  close(): void;
}

/** A range of a file that is stored; the rest of the file are holes, which read as zero. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/**
 * Opens a file. Each read is a read of the file; {@link openImage} puts windows around it.
 *
 * @param extents Where the file has data, in ascending order, if the host knows of its holes.
 */
export function fileSource(fs: FileSystem, path: string, extents?: readonly Extent[]): FileSource {
  const fd = fs.openSync(path, 'r');
  const { size } = fs.fstatSync(fd);
  const source: FileSource = {
    size,
    read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      let done = 0;
      while (done < bytes.length) {
        let count: number;
        try {
          count = fs.readSync(fd, bytes, done, bytes.length - done, offset + done);
        } catch (cause) {
          throw memoryError('memory-unreadable', `the file cannot be read: ${String(cause)}`, {
            offset: offset + done,
            cause,
          });
        }
        if (count === 0) return bytes.subarray(0, done);
        done += count;
      }
      return bytes;
    },
    close: () => fs.closeSync(fd),
  };
  return extents === undefined ? source : { ...source, nextData: nextDataOf(extents, size) };
}

/** {@link Source.nextData} for a list of extents. */
export function nextDataOf(extents: readonly Extent[], size: number): (offset: number) => number {
  return (offset) => {
    // The first extent that ends behind the offset.
    let low = 0;
    let high = extents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const extent = extents[middle];
      if (extent !== undefined && extent.offset + extent.length <= offset) low = middle + 1;
      else high = middle;
    }
    const next = extents[low];
    return next === undefined ? size : Math.max(offset, next.offset);
  };
}
