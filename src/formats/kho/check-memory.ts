/** Whether the map and the owners of memory contradict themselves or each other. */
import { KHO } from './rules.js';
import { hexText, many, type Walk } from './walk.js';

/** Reports blocks that overlap, and pages of the map (`tables`) that it says are preserved. */
export function checkMap(walk: Walk, tables: Iterable<bigint>): void {
  for (const { address, pages } of walk.map.overlaps())
    walk.find(
      KHO['preserved-twice'],
      'preserved',
      address,
      `${many(pages, 'page')} at ${hexText(address)} are in two preserved blocks.`,
    );
  for (const table of tables)
    if (table < 1n << 52n && walk.map.covers(table, 1))
      walk.find(
        KHO['map-preserved'],
        'preserved',
        table,
        `The page ${hexText(table)} of the map is itself in the map.`,
      );
}

/** Reports memory that has two owners, or none that is known. */
export function checkOwners(walk: Walk): void {
  const size = BigInt(walk.pageSize);
  for (const { pfn, pages, first, second } of walk.claims.conflicts())
    walk.find(
      KHO.shared,
      second,
      BigInt(pfn) * size,
      `${many(pages, 'page')} at ${hexText(BigInt(pfn) * size)} belong to ${first} and to ${second}.`,
    );
  if (!walk.map.complete || !walk.claims.complete) return;
  let pages = 0;
  let first: number | undefined;
  for (const run of walk.claims.unclaimed(walk.map)) {
    pages += run.pages;
    first ??= run.pfn;
  }
  if (pages > 0 && first !== undefined)
    walk.find(
      KHO.opaque,
      'preserved',
      BigInt(first) * size,
      `There ${pages === 1 ? 'is' : 'are'} ${many(pages, 'preserved page')} whose owner is not known, the first at ${hexText(BigInt(first) * size)}.`,
    );
}
