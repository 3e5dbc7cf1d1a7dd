/** From the page of FLBs, what is bound to the life of files, to each one and its data. */
import type { ValueOf } from '../../codec/index.js';
import { entriesUsed, hasBits } from '../kho/bits.js';
import type { Registry } from '../kho/extension.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { flbDecoderFor } from './handler.js';
import { checkPreserved, type Read } from './lists.js';
import { nameProblems } from './read.js';
import { LUO } from './rules.js';
import { LuoFlbHeaderSer, LuoFlbSer, SIZES } from './schema.js';
import type { LuoFlb, LuoSession } from './value.js';

export function readFlbs(
  page: bigint,
  walk: Walk,
  registry: Registry,
  path: string,
  sessions: readonly LuoSession[],
  files: number | undefined,
): Read<LuoFlb> {
  const { pageSize } = walk;
  if (!walk.isAligned(page))
    walk.find(LUO['pointer-unaligned'], path, page, `The FLBs at ${hexText(page)} are not page aligned.`);
  checkPreserved(walk, page, pageSize, path, 'The page of FLBs');
  const bytes = walk.bytes(page, pageSize, path, 'the page of FLBs');
  if (bytes === undefined) return { list: [], complete: false };
  const header = walk.decodeBytes(LuoFlbHeaderSer, bytes.subarray(0, 16), page, path);
  if (header.pgcnt !== 1n)
    walk.find(LUO['flb-pages'], path, page, `The FLBs say that they have ${many(header.pgcnt, 'page')}.`);
  const capacity = Math.floor((pageSize - 16) / SIZES.flb);
  if (header.count > BigInt(capacity))
    walk.find(
      LUO['flb-count'],
      path,
      page + 8n,
      `There are said to be ${header.count} FLBs; ${capacity} fit into the page.`,
    );
  const used =
    header.count > BigInt(capacity)
      ? Math.min(capacity, entriesUsed(bytes.subarray(16), SIZES.flb))
      : Number(header.count);
  if (hasBits(bytes.subarray(16 + used * SIZES.flb)))
    walk.find(
      LUO.tail,
      path,
      page + BigInt(16 + used * SIZES.flb),
      `There is something behind the last of ${many(used, 'FLB')}.`,
    );
  const names = new Set<string>();
  const memfds = sessions.reduce(
    (sum, session) => sum + session.files.filter(({ compatible }) => compatible.startsWith('memfd-')).length,
    0,
  );
  const list = Array.from({ length: used }, (_, i): LuoFlb => {
    const offset = 16 + i * SIZES.flb;
    const address = page + BigInt(offset);
    const at = `${path}[${i}]`;
    const part = bytes.subarray(offset, offset + SIZES.flb);
    const flb: ValueOf<typeof LuoFlbSer> = walk.decodeBytes(LuoFlbSer, part, address, at);
    const odd = nameProblems(part.subarray(0, 48));
    if (odd.unterminated || odd.empty)
      walk.find(
        LUO['flb-name'],
        `${at}.name`,
        address,
        odd.empty ? 'The FLB has no name.' : 'The name of the FLB does not end within its 48 bytes.',
      );
    if (names.has(flb.name))
      walk.find(
        LUO['flb-duplicate'],
        `${at}.name`,
        address,
        `There is an FLB ${JSON.stringify(flb.name)} before this one.`,
      );
    names.add(flb.name);
    const isTest = flb.name.startsWith('liveupdate-test-flb-');
    // The test FLBs depend on every file, other ones on files that cannot be told from here.
    if (
      files !== undefined &&
      (flb.count === 0n ||
        flb.count > BigInt(files) ||
        (isTest && files === memfds && flb.count !== BigInt(memfds)))
    )
      walk.find(
        LUO['flb-files'],
        `${at}.count`,
        address + 56n,
        `The FLB is said to belong to ${many(flb.count, 'file')}; there are ${files}.`,
      );
    const decoder = flbDecoderFor(flb.name, registry);
    const value = decoder?.decode(flb.data, walk, at);
    return {
      name: flb.name,
      data: flb.data,
      count: flb.count,
      ...(decoder === undefined || value === undefined ? {} : { [decoder.key]: value }),
    };
  });
  return { list, complete: header.count <= BigInt(capacity) };
}
