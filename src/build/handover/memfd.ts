/** Builds memfds: their folios, the array that lists them, and the struct that leads to it. */
import { fileContents, type Handover } from '../../formats/kho/index.js';
import { MemfdLuoSerV1, MemfdLuoSerV2, type MemfdValue, SIZES } from '../../formats/memfd/index.js';
import { FOLIO_DIRTY, FOLIO_UPTODATE } from '../../formats/memfd/schema.js';
import { buildError } from '../build-error.js';
import { smallOf, wordOf } from '../words.js';
import type { BuiltFolios, HandoverBuilder } from './builder.js';
import { type Contents, contentsOf, slice } from './contents.js';
import { piecesOfContent } from './contents-of.js';
import type { Describer } from './describer.js';
import type { FileBuilder } from './extension.js';
import type { FolioSpec, MemfdSpec, PieceSpec } from './spec.js';

export const memfdBuilder: FileBuilder = {
  key: 'memfd',
  compatible: ({ generations }: HandoverBuilder) => `memfd-v${generations.memfd}`,
  build: (value, builder, { path, session, token, file }) => {
    // The spec of a file says that this key has the type.
    const spec = value as MemfdSpec;
    const at = `${path}.memfd`;
    const version = file.compatible === undefined ? builder.generations.memfd : versionOf(file.compatible);
    const contents = contentsOf(spec.contents, `${at}.contents`, builder.readFile);
    const size = spec.size === undefined ? contents.size : wordOf(spec.size, `${at}.size`);
    if (size < contents.size)
      throw buildError(
        'build-value',
        `${at}.size`,
        `the contents have ${contents.size} bytes, more than ${size}`,
      );
    const folios = foliosOf(spec, contents, size, builder, at);
    builder.folios.set(
      `${session}/0x${token.toString(16)}`,
      folios.map(({ built }) => built),
    );
    const count = folios.reduce((sum, { built }) => sum + built.count, 0);
    const descriptor = builder.vmalloc(`${at}.folios`, count * SIZES.folio, (bytes) =>
      writeFolios(bytes, folios, builder.abi.endian === 'little'),
    );
    const common = () => ({
      pos: spec.pos === undefined ? 0n : wordOf(spec.pos, `${at}.pos`),
      size,
      nr_folios: count,
      folios: descriptor(),
    });
    const region =
      version === 1
        ? builder.object(at, MemfdLuoSerV1, SIZES.v1, common)
        : builder.object(at, MemfdLuoSerV2, SIZES.v2, () => ({
            ...common(),
            // A memfd that was made without MFD_ALLOW_SEALING has F_SEAL_SEAL.
            seals: smallOf(spec.seals ?? 1, 32, `${at}.seals`),
            flags: smallOf(spec.flags ?? 0, 32, `${at}.flags`),
          }));
    return () => region.address;
  },
  // A memfd of another generation than that of the kernel is rare, and told.
  saysCompatible: (compatible, { handover }) =>
    compatible === generationFor(handover) ? {} : { compatible },
  describe: (value, describer, { session, token, path }) => {
    // What the decoder of memfds gives under this key.
    const memfd = value as MemfdValue;
    const { handover } = describer;
    const { pieces, omitted } = piecesOfContent(fileContents(handover, session, token), describer.inline);
    const folios = describeFolios(memfd, pieces, describer);
    const end = pieces.reduce((last, piece) => endOf(piece, last), 0n);
    return {
      ...(memfd.size === end ? {} : { size: memfd.size }),
      ...(memfd.pos === 0n ? {} : { pos: memfd.pos }),
      ...(memfd.seals === undefined || memfd.seals === 1 ? {} : { seals: memfd.seals }),
      ...(memfd.flags === undefined || memfd.flags === 0 ? {} : { flags: memfd.flags }),
      ...folios,
      ...describer.contents(`${path}.memfd`, { pieces, omitted }),
    } satisfies MemfdSpec;
  },
};

/** The string of memfds of the kernel that a spec of this handover names. */
function generationFor({ generation }: Handover): string {
  return generation?.name === 'v1a' || generation?.name === 'v1b' ? 'memfd-v1' : 'memfd-v2';
}

/** Where a piece ends; `last` is where the one before does. */
function endOf(piece: PieceSpec, last: bigint): bigint {
  const length =
    piece.size ?? ('text' in piece ? piece.text.length : 'hex' in piece ? piece.hex.length / 2 : 0);
  return BigInt(piece.at ?? last) + BigInt(length);
}

/** The folios, unless they are those that follow from the contents. */
function describeFolios(
  { folios }: MemfdValue,
  pieces: readonly PieceSpec[],
  describer: Describer,
): Pick<MemfdSpec, 'folios' | 'folio_order'> {
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
        usual[i]?.index === index &&
        usual[i]?.count === count &&
        order === largest &&
        flags === (FOLIO_DIRTY | FOLIO_UPTODATE),
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
        ...(flags === (FOLIO_DIRTY | FOLIO_UPTODATE) ? {} : { flags }),
        ...(at === undefined ? {} : { at }),
      };
    }),
  };
}

function versionOf(compatible: string): 1 | 2 {
  return compatible.startsWith('memfd-v1') ? 1 : 2;
}

interface Folios {
  readonly built: BuiltFolios;
  readonly flags: number;
}

function foliosOf(
  spec: MemfdSpec,
  contents: Contents,
  size: bigint,
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
      flags: smallOf(folio.flags ?? FOLIO_DIRTY | FOLIO_UPTODATE, 12, `${where}.flags`),
    });
    next = index + (BigInt(count) << BigInt(order));
  }
  checkCovered(contents, list, pageSize, size, path);
  return list;
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

/**
 * The array, 16 bytes for each folio: page frame and flags in one word, whose bit-fields compilers allocate
 * from the low bit on little-endian and from the high one on big-endian machines; then the index. Written by
 * hand, because there are millions.
 */
function writeFolios(bytes: Uint8Array, folios: readonly Folios[], little: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (const { built, flags } of folios) {
    const pages = 2 ** built.order;
    let pfn = built.region.pfn;
    let index = Number(built.index);
    for (let i = 0; i < built.count; i++) {
      if (little) {
        view.setUint32(at, pfn % 2 ** 32, true);
        view.setUint32(at + 4, Math.floor(pfn / 2 ** 32) + flags * 2 ** 20, true);
      } else {
        // The frame's 52 bits come first, then the 12 of the flags.
        view.setUint32(at, Math.floor(pfn / 2 ** 20), false);
        view.setUint32(at + 4, (pfn % 2 ** 20) * 2 ** 12 + flags, false);
      }
      writeWord(view, at + 8, index, little);
      at += 16;
      pfn += pages;
      index += pages;
    }
  }
}
function writeWord(view: DataView, at: number, value: number, little: boolean): void {
  const low = value % 2 ** 32;
  const high = Math.floor(value / 2 ** 32);
  view.setUint32(at, little ? low : high, little);
  view.setUint32(at + 4, little ? high : low, little);
}
