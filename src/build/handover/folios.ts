/** Folios of files, which memfds and guest_memfds list in the same way: from a spec to memory, and back. */
import type { FolioRun } from '../../formats/memfd/index.js';
import { buildError } from '../build-error.js';
import { smallOf, wordOf } from '../words.js';
import type { BuiltFolios, HandoverBuilder } from './builder.js';
import { type Contents, contentsOf, slice } from './contents.js';
import type { Describer } from './describer.js';
import type { FolioSpec, MemfdSpec, PieceSpec } from './spec.js';

/** What a spec says of folios. */
export type FoliosSpec = Pick<MemfdSpec, 'folios' | 'folio_order'>;

/** Bytes of an entry of the array. */
export const FOLIO_SIZE = 16;

export interface Folios {
  readonly built: BuiltFolios;
  readonly flags: number;
}

/**
 * Asks for the folios that a spec lists, or those that its contents need. `size` is that of the file, in bytes.
 *
 * @throws `build-value` for contents that no folio holds.
 */
export function foliosOf(
  spec: FoliosSpec,
  contents: Contents,
  size: bigint,
  usualFlags: number,
  builder: HandoverBuilder,
  path: string,
): Folios[] {
  const pageSize = BigInt(builder.pageSize);
  const wanted: readonly FolioSpec[] = spec.folios ?? runsOf(contents, spec.folio_order ?? 0, pageSize);
  const list: Folios[] = [];
  let next = 0n;
  for (const [i, folio] of wanted.entries()) {
    const where = spec.folios === undefined ? `${path}.contents` : `${path}.folios[${i}]`;
    const order = folio.order ?? spec.folio_order ?? 0;
    const count = folio.count ?? 1;
    if (order > 30 || count < 1)
      throw buildError('build-value', where, `there are no ${count} folios of order ${order}`);
    const index = folio.index === undefined ? next : wordOf(folio.index, `${where}.index`);
    const bytes = (BigInt(count) << BigInt(order)) * pageSize;
    // Files end before 2^63 bytes.
    if ((index * pageSize + bytes) >> 63n !== 0n)
      throw buildError(
        'build-value',
        `${where}.index`,
        `no file has ${count} folios of order ${order} from page ${index} on`,
      );
    const from = index * pageSize;
    const parts = [...slice(contents, from, from + bytes)];
    const region = builder.memory.region({
      label: where,
      size: bytes,
      at: folio.at === undefined ? undefined : wordOf(folio.at, `${where}.at`),
      preserve: { order },
      parts,
    });
    list.push({
      built: { index, order, count, region },
      flags: smallOf(folio.flags ?? usualFlags, 12, `${where}.flags`),
    });
    next = index + (BigInt(count) << BigInt(order));
  }
  checkCovered(contents, list, pageSize, size, path);
  return list;
}

/** Keeps the folios for those who point at them. Gives how many there are. */
export function keepFolios(
  folios: readonly Folios[],
  builder: HandoverBuilder,
  session: string,
  token: bigint,
): number {
  builder.folios.set(
    `${session}/0x${token.toString(16)}`,
    folios.map(({ built }) => built),
  );
  return folios.reduce((sum, { built }) => sum + built.count, 0);
}

/** Folios for all that the contents have, as few runs as possible. */
function runsOf(
  contents: Contents,
  order: number,
  pageSize: bigint,
): { readonly index: bigint; readonly count: number; readonly order: number }[] {
  const unit = pageSize << BigInt(order);
  const runs: { index: bigint; count: number }[] = [];
  const pages = 1n << BigInt(order);
  for (const { offset, size } of contents.pieces) {
    const from = offset / unit;
    const to = (offset + size + unit - 1n) / unit;
    const last = runs[runs.length - 1];
    const end = last === undefined ? -1n : last.index / pages + BigInt(last.count);
    if (last !== undefined && from <= end) last.count += Number(to > end ? to - end : 0n);
    else runs.push({ index: from * pages, count: Number(to - from) });
  }
  return runs.map((run) => ({ ...run, order }));
}

/** Contents that no folio would hold are a mistake. */
function checkCovered(
  contents: Contents,
  folios: readonly Folios[],
  pageSize: bigint,
  size: bigint,
  path: string,
): void {
  const sorted = folios
    .map(({ built: { index, order, count } }) => ({
      from: index * pageSize,
      to: (index + (BigInt(count) << BigInt(order))) * pageSize,
    }))
    .sort((a, b) => (a.from < b.from ? -1 : 1));
  let next = 0;
  for (const piece of contents.pieces) {
    for (let at = piece.offset; at < piece.offset + piece.size; ) {
      while (next < sorted.length && (sorted[next]?.to ?? 0n) <= at) next++;
      const run = sorted[next];
      if (run === undefined || run.from > at)
        throw buildError(
          'build-value',
          `${path}.folios`,
          `there is content at offset 0x${at.toString(16)} of ${size} bytes, and no folio for it`,
        );
      at = run.to;
    }
  }
}

/** Where the last piece ends. */
export function endOf(pieces: readonly PieceSpec[]): bigint {
  return pieces.reduce((last, piece) => endOfPiece(piece, last), 0n);
}
/** `last` is where the one before does. */
function endOfPiece(piece: PieceSpec, last: bigint): bigint {
  const length =
    piece.size ?? ('text' in piece ? piece.text.length : 'hex' in piece ? piece.hex.length / 2 : 0);
  return BigInt(piece.at ?? last) + BigInt(length);
}

/** The folios, unless they are those that follow from the contents. `usualFlags` are the flags that need not be said. */
export function describeFolios(
  folios: Iterable<FolioRun>,
  pieces: readonly PieceSpec[],
  usualFlags: number,
  describer: Describer,
): FoliosSpec {
  const pageSize = BigInt(describer.handover.walk.pageSize);
  const runs: (FolioSpec & { index: bigint; order: number; count: number; flags: number })[] = [];
  for (const { index, pfn, order, count, flags, step } of folios) {
    const last = runs[runs.length - 1];
    const follows =
      last !== undefined &&
      last.order === order &&
      last.flags === flags &&
      last.index + (BigInt(last.count) << BigInt(order)) === index;
    if (describer.addresses && step === -1)
      for (let i = 0; i < count; i++)
        runs.push({
          index: index + (BigInt(i) << BigInt(order)),
          order,
          count: 1,
          flags,
          at: (pfn - (BigInt(i) << BigInt(order))) * pageSize,
        });
    else if (!describer.addresses && follows) last.count += count;
    else runs.push({ index, order, count, flags, ...describer.at(pfn * pageSize) });
  }
  const largest = runs.reduce((most, { order }) => Math.max(most, order), 0);
  const usual = runsOf(contentsOf(pieces, ''), largest, pageSize);
  const isUsual =
    !describer.addresses &&
    usual.length === runs.length &&
    runs.every(
      ({ index, order, count, flags }, i) =>
        usual[i]?.index === index && usual[i]?.count === count && order === largest && flags === usualFlags,
    );
  if (isUsual) return largest === 0 ? {} : { folio_order: largest };
  let next = 0n;
  return {
    folios: runs.map(({ index, order, count, flags, at }) => {
      const follows = index === next;
      next = index + (BigInt(count) << BigInt(order));
      return {
        ...(follows ? {} : { index }),
        ...(order === 0 ? {} : { order }),
        ...(count === 1 ? {} : { count }),
        ...(flags === usualFlags ? {} : { flags }),
        ...(at === undefined ? {} : { at }),
      };
    }),
  };
}
