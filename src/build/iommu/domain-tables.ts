/** Page tables of domains in memory. */
import { FRAME } from '../../formats/pgtable/index.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { Region } from '../memory.js';
import type { DomainModel } from './model.js';
import { TableTree } from './table-tree.js';

/** More tables than this are made while they are read. */
const EAGER = 256;

/**
 * The tables of a domain; the topmost is at the start of the region. Each is a page of its own, as Linux allocates
 * them, whose pages may be larger than the tables. Those of a deleted domain are not preserved any more.
 */
export function buildTables(builder: HandoverBuilder, domain: DomainModel, label: string): Region {
  if (domain.deleted) return builder.page(label);
  const tree = new TableTree(domain.shape, domain.pieces);
  const { pageSize } = builder;
  const size = tree.tables * pageSize;
  const request = { label, size, preserve: { order: 0 } };
  const addressOf = (number: number) => region.address + BigInt(number) * BigInt(pageSize);
  const region: Region = builder.memory.region(
    tree.tables <= EAGER
      ? request
      : { ...request, parts: [{ offset: 0n, size: BigInt(size), content: { size: BigInt(size), read } }] },
  );
  if (tree.tables <= EAGER)
    builder.memory.fill(region, (bytes) => {
      for (let i = 0; i < tree.tables; i++)
        tree.write(i, bytes.subarray(i * pageSize, i * pageSize + FRAME), addressOf);
    });
  // The page that was made last, for those who read in small steps.
  let made = -1;
  const page = new Uint8Array(pageSize);
  function read(offset: bigint, out: Uint8Array): void {
    for (let done = 0; done < out.length; ) {
      const at = Number(offset) + done;
      const number = Math.floor(at / pageSize);
      if (number !== made) {
        page.fill(0);
        tree.write(number, page, addressOf);
        made = number;
      }
      const part = page.subarray(at % pageSize, (at % pageSize) + out.length - done);
      out.set(part, done);
      done += part.length;
    }
  }
  return region;
}
