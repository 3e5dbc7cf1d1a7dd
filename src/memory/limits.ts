/** What opening a dump may cost, whatever its headers say. */
export interface Limits {
  /** Segments of an ELF core, ranges of a LiME dump. */
  readonly segments: number;
  /** Chunks of a flattened stream. */
  readonly chunks: number;
  /** Bytes of notes that are read. */
  readonly noteBytes: number;
  /** Bytes of one bitmap of a kdump: 2 GiB of them cover 64 TiB of 4 KiB pages. */
  readonly bitmapBytes: number;
  /** Bytes that may come out of a compressed file. */
  readonly unpackedBytes: number;
  /** Bytes of these that may be kept in memory; runs of zeros take no room. */
  readonly unpackedKept: number;
  /** Bytes that are searched for the next header where a LiME dump is damaged. */
  readonly searchBytes: number;
}

export const LIMITS: Limits = Object.freeze({
  segments: 1 << 20,
  chunks: 1 << 22,
  noteBytes: 64 << 20,
  bitmapBytes: 2 ** 31,
  unpackedBytes: 8 * 2 ** 30,
  unpackedKept: 2 ** 30,
  searchBytes: 64 << 20,
});

/** One read gives at most so many bytes: more than that should be streamed. */
export const MAX_READ = 2 ** 30;
