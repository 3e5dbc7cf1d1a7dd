/** Memory of preserved files: what the mappings of a domain may lead to. */
import { isRecord } from '../kho/record.js';
import type { Walk } from '../kho/walk.js';
import { filesOf } from '../luo/parts.js';
import { type Coverage, CoverageBuilder, coverageOf, FRAME } from '../pgtable/index.js';

/** Files that hold memory, by the key of their value. */
const KEYS = ['memfd', 'guest_memfd', 'huge_memfd'] as const;

/**
 * The folios of all files that have some. Where there are none, or not all of them are known, everything that
 * is preserved: what is not preserved at all is no file's.
 */
export function guestMemory(entries: Readonly<Record<string, unknown>>, walk: Walk): Coverage | undefined {
  const all = walk.map.complete ? coverageOf(walk.map) : undefined;
  const builder = new CoverageBuilder();
  const scale = walk.pageSize / FRAME;
  let folios = 0;
  for (const { file } of filesOf(entries)) {
    const value = KEYS.map((key) => file[key]).find((found) => found !== undefined);
    if (!isRecord(value)) {
      // A handler that is not known may have memory of its own.
      if (!Object.values(file).some(isRecord)) return all;
      continue;
    }
    const list = value.folios;
    if (!isIterable(list) || (isRecord(list) && list.omitted !== undefined && list.omitted !== 0)) return all;
    for (const run of list) {
      if (!isRecord(run) || typeof run.pfn !== 'bigint') return all;
      // Huge pages of one file are all of the same order, which is told with the file.
      const order = [run.order, value.order].find((each) => typeof each === 'number') ?? 0;
      const count = typeof run.count === 'number' ? run.count : 1;
      const pages = count * 2 ** order;
      const first = Number(run.pfn) - (run.step === -1 ? pages - 2 ** order : 0);
      builder.add(first * scale, pages * scale);
      folios++;
    }
  }
  return folios === 0 ? all : builder.done();
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
