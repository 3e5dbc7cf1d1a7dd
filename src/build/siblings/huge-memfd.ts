/** Builds memfds of huge pages. */
import { HugeMemfdSer, type HugeMemfdValue } from '../../formats/hugetlb/index.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import { contentsOf, slice } from '../handover/contents.js';
import { piecesOfRuns } from '../handover/contents-of.js';
import type { Describer } from '../handover/describer.js';
import type { FileBuilder } from '../handover/extension.js';
import { FOLIO_SIZE } from '../handover/folios.js';
import type { ContentsSpec, Word } from '../handover/spec.js';
import type { Region } from '../memory.js';
import { contentsShape } from '../spec/handover-shape.js';
import { field, list, number, object, word } from '../spec/shape.js';
import { wordOf } from '../words.js';
import { withoutZeros } from './block.js';
import { hugeOrderOf } from './hugetlb.js';

/** Huge pages that follow each other in the file and in memory. */
export interface HugeFolioSpec {
  /** As in the array; behind the one before if not given. */
  readonly index?: Word;
  /** What the index grows by from one to the next: the pages of a huge page if not given, or 1. */
  readonly step?: number;
  readonly count?: number;
  /** Physical address of the first one. */
  readonly at?: Word;
  readonly contents?: ContentsSpec;
}
export interface HugeMemfdSpec {
  /** log2 of the pages of a huge page; that of a whole table of pages if not given. */
  readonly order?: number;
  /** In bytes; up to the end of the last folio if not given. */
  readonly size?: Word;
  readonly pos?: Word;
  readonly folios?: readonly HugeFolioSpec[];
}
const SIZE = 41;
/** Folios of one file: their array has to be made in memory. */
const MAX_FOLIOS = 2 ** 24;

/** The huge page that every machine has: what one page of entries maps. */
export function usualOrder(pageSize: number): number {
  return Math.log2(pageSize / 8);
}

interface Run {
  readonly index: bigint;
  readonly step: number;
  readonly count: number;
}
/** Where a run ends, in bytes: the index counts huge pages if it grows by 1, else pages. */
function endOf({ index, step, count }: Run, order: number, pageSize: number): bigint {
  const huge = BigInt(pageSize) << BigInt(order);
  return step === 1 ? (index + BigInt(count)) * huge : index * BigInt(pageSize) + BigInt(count) * huge;
}
function sizeOf(runs: readonly Run[], order: number, pageSize: number): bigint {
  const huge = BigInt(pageSize) << BigInt(order);
  const end = runs.reduce((most, run) => {
    const each = endOf(run, order, pageSize);
    return each > most ? each : most;
  }, 0n);
  return ((end + huge - 1n) / huge) * huge;
}

function foliosOf(
  list: readonly HugeFolioSpec[],
  order: number,
  builder: HandoverBuilder,
  path: string,
): (Run & { readonly region: Region })[] {
  const huge = BigInt(builder.pageSize) << BigInt(order);
  const taken = new Set<bigint>();
  let next = 0n;
  return list.map((folio, i) => {
    const where = `${path}[${i}]`;
    const { count = 1, step = 2 ** order } = folio;
    if (count < 1 || taken.size + count > MAX_FOLIOS)
      throw buildError('build-value', where, `a file has 1 to ${MAX_FOLIOS} folios, not ${count} more`);
    if (step !== 1 && step !== 2 ** order)
      throw buildError('build-value', `${where}.step`, `the index grows by 1 or by ${2 ** order}`);
    const index = folio.index === undefined ? next : wordOf(folio.index, `${where}.index`);
    for (let n = 0; n < count; n++) {
      const at = index + BigInt(n * step);
      if (taken.has(at)) throw buildError('build-value', where, `there is a folio at index ${at} already`);
      taken.add(at);
    }
    next = index + BigInt(count * step);
    const size = BigInt(count) * huge;
    const contents = contentsOf(folio.contents, `${where}.contents`, builder.readFile);
    if (contents.size > size)
      throw buildError(
        'build-value',
        `${where}.contents`,
        `the contents have ${contents.size} bytes, the folios ${size}`,
      );
    const region = builder.memory.region({
      label: where,
      size,
      at: folio.at === undefined ? undefined : wordOf(folio.at, `${where}.at`),
      preserve: { order },
      parts: [...slice(contents, 0n, size)],
    });
    return { index, step, count, region };
  });
}

export const hugeMemfdBuilder: FileBuilder = {
  key: 'huge_memfd',
  field: field(
    object('huge_memfd', 'A memfd of huge pages', {
      order: field(number(33), 'log2 of the pages of a huge page; 9 with 4 KiB pages if not given'),
      size: field(word, 'in bytes; up to the end of the last folio if not given'),
      pos: field(word, 'position of the file'),
      folios: field(
        list(
          object('a run of huge pages', 'Huge pages that follow each other in the file and in memory', {
            index: field(word, 'as in the array; behind the run before if not given'),
            step: field(
              number(2 ** 33),
              'what the index grows by: the pages of a huge page if not given, or 1',
            ),
            count: field(number(2 ** 24), 'how many'),
            at: field(word, 'physical address of the first one'),
            contents: field(contentsShape, 'what they hold'),
          }),
        ),
        'none if not given',
      ),
    }),
    'a memfd of huge pages',
  ),
  compatible: () => 'huge-memfd-v1',
  build: (value, builder, place) => {
    // The spec of a file says that this key has the type.
    const spec = value as HugeMemfdSpec;
    const path = `${place.path}.huge_memfd`;
    const { pageSize } = builder;
    const order = hugeOrderOf(spec.order ?? usualOrder(pageSize), builder, `${path}.order`);
    const folios = foliosOf(spec.folios ?? [], order, builder, `${path}.folios`);
    const needed = sizeOf(folios, order, pageSize);
    const size = spec.size === undefined ? needed : wordOf(spec.size, `${path}.size`);
    const huge = BigInt(pageSize) << BigInt(order);
    if (size % huge !== 0n || size < needed)
      throw buildError(
        'build-value',
        `${path}.size`,
        size < needed
          ? `the folios end at ${needed} bytes, behind the end of the file`
          : `${size} bytes are not whole pages of ${huge} bytes`,
      );
    const pos = wordOf(spec.pos ?? 0, `${path}.pos`);
    const count = folios.reduce((sum, folio) => sum + folio.count, 0);
    const descriptor = builder.vmalloc(`${path}.folios`, count * FOLIO_SIZE, (bytes) =>
      writeFolios(bytes, folios, order, builder.abi.endian === 'little'),
    );
    const region = builder.object(path, HugeMemfdSer, SIZE, () => ({
      size,
      pos,
      nr_folios: count,
      folios: descriptor(),
      order,
    }));
    return () => region.address;
  },
  saysCompatible: (compatible) => (compatible === 'huge-memfd-v1' ? {} : { compatible }),
  describe: (value, describer, { path }) => {
    // What the decoder of these memfds gives under this key.
    const { size, pos, order, folios } = value as HugeMemfdValue;
    const { pageSize } = describer.handover.walk;
    const runs = runsOf(folios, order, describer);
    return {
      ...(order === usualOrder(pageSize) ? {} : { order }),
      ...(size === sizeOf(runs, order, pageSize) ? {} : { size }),
      ...(pos === 0n ? {} : { pos }),
      ...(runs.length === 0
        ? {}
        : { folios: describeFolios(runs, order, describer, `${path}.huge_memfd.folios`) }),
    } satisfies HugeMemfdSpec;
  },
};

/** The array of hugetlb_memfd_folio_ser, whose words are the same as those of a memfd's folios. */
function writeFolios(
  bytes: Uint8Array,
  folios: readonly (Run & { readonly region: Region })[],
  order: number,
  little: boolean,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (const { index, step, count, region } of folios)
    for (let i = 0; i < count; i++) {
      const pfn = BigInt(region.pfn) + (BigInt(i) << BigInt(order));
      // Bit-fields begin at the low bit on little-endian machines, at the high one on big-endian ones.
      view.setBigUint64(at, little ? pfn : pfn << 12n, little);
      view.setBigUint64(at + 8, index + BigInt(i * step), little);
      at += FOLIO_SIZE;
    }
}

interface FoundRun {
  readonly index: bigint;
  step: number;
  count: number;
  readonly at: bigint;
  readonly memory: { address: bigint; size: bigint }[];
}

/** Runs of the file; without addresses also those that lie apart in memory. */
function runsOf(folios: HugeMemfdValue['folios'], order: number, describer: Describer): FoundRun[] {
  const { pageSize } = describer.handover.walk;
  const huge = BigInt(pageSize) << BigInt(order);
  const runs: FoundRun[] = [];
  for (const { index, step, pfn, count } of folios) {
    const memory = { address: pfn * BigInt(pageSize), size: BigInt(count) * huge };
    const last = runs[runs.length - 1];
    const gap = last === undefined ? 0 : Number(index - last.index) / last.count;
    const follows =
      !describer.addresses &&
      last !== undefined &&
      (gap === 2 ** order || gap === 1) &&
      (last.count === 1 || gap === last.step) &&
      (count === 1 || gap === step);
    if (follows) {
      last.step = gap;
      last.count += count;
      last.memory.push(memory);
    } else
      runs.push({
        index,
        step: count === 1 ? 2 ** order : step,
        count,
        at: memory.address,
        memory: [memory],
      });
  }
  return runs;
}

function describeFolios(
  runs: readonly FoundRun[],
  order: number,
  describer: Describer,
  path: string,
): HugeFolioSpec[] {
  let next = 0n;
  return runs.map(({ index, step, count, at, memory }, i) => {
    const follows = index === next;
    next = index + BigInt(count * step);
    const { pieces, omitted } = piecesOfRuns(describer.handover.walk.image, memory, describer.inline);
    return {
      ...(follows ? {} : { index }),
      ...(step === 2 ** order ? {} : { step }),
      ...(count === 1 ? {} : { count }),
      ...describer.at(at),
      ...describer.contents(`${path}[${i}]`, { pieces: withoutZeros(pieces), omitted }),
    };
  });
}
