/** What the decoder says of a handover, in the words of the second judge, so that the two can be compared. */
import type { KexecMetadata } from '../../src/formats/kexec-metadata/index.js';
import type { Handover } from '../../src/formats/kho/index.js';
import type { KhoTestValue } from '../../src/formats/kho-test/index.js';
import type { LuoValue } from '../../src/formats/luo/index.js';
import type { MemblockValue } from '../../src/formats/memblock/index.js';
import type { MemfdValue } from '../../src/formats/memfd/index.js';

export type Line = Readonly<Record<string, string | number>>;

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

interface Run {
  readonly start: readonly bigint[];
  readonly order: number;
  readonly flags: number;
  count: number;
}
/** Runs as the judge makes them: adjacent ones are one, and one that goes down is as many as it has blocks. */
function merged(runs: readonly (Omit<Run, 'count'> & { readonly count: number; readonly down: boolean })[]) {
  const out: Run[] = [];
  const add = (start: readonly bigint[], order: number, flags: number, count: number): void => {
    const last = out.at(-1);
    const size = last && BigInt(last.count) << BigInt(last.order);
    const continues = (at: bigint, i: number): boolean => at + (size ?? 0n) === start[i];
    if (last?.order === order && last.flags === flags && last.start.every(continues)) last.count += count;
    else out.push({ start, order, flags, count });
  };
  for (const { start, order, flags, count, down } of runs) {
    if (!down) add(start, order, flags, count);
    else
      for (let i = 0n; i < count; i++) {
        const [pfn = 0n, index = 0n] = start;
        add([pfn - (i << BigInt(order)), index + (i << BigInt(order))], order, flags, 1);
      }
  }
  return out;
}

/** All but the lines of device trees. */
export function linesOf(handover: Handover): Line[] {
  const { fdt, preserved, entries, page_size } = handover.value;
  const lines: Line[] = [
    {
      kind: 'root',
      address: hex(fdt.address),
      compatible: fdt.compatible,
      map: hex(fdt['preserved-memory-map'] ?? 0n),
    },
  ];
  const ranges = [...preserved.ranges]
    .map(({ address, order, count }) => ({
      start: [address / BigInt(page_size)],
      order,
      flags: 0,
      count,
      down: false,
    }))
    .sort((a, b) => Number((a.start[0] ?? 0n) - (b.start[0] ?? 0n)));
  for (const { start, order, count } of merged(ranges))
    lines.push({ kind: 'preserved', pfn: hex(start[0] ?? 0n), order, count });
  for (const { name, data, size } of handover.root.nodes) {
    lines.push({
      kind: 'entry',
      name,
      address: hex(data ?? 0n),
      ...(size === undefined ? {} : { size: hex(size) }),
    });
    lines.push(...entryLines(name, entries[name]));
  }
  return lines;
}

function entryLines(name: string, value: unknown): Line[] {
  if (typeof value !== 'object' || value === null || 'unknown' in value) return [];
  // The registry gives each of these names a decoder of that value.
  switch (name) {
    case 'LUO':
      return luoLines(value as LuoValue);
    case 'memblock':
      return Object.entries(value as MemblockValue).flatMap(([region, inner]) =>
        typeof inner === 'object'
          ? [{ kind: 'memblock', name: region, start: hex(inner.start ?? 0n), size: hex(inner.size ?? 0n) }]
          : [],
      );
    case 'kexec-metadata': {
      const { version, previous_release, kexec_count } = value as KexecMetadata;
      return [{ kind: name, version, previous_release: String(previous_release), kexec_count }];
    }
    case 'kho_test': {
      const { nr_folios = 0, csum = 0, folios } = value as KhoTestValue;
      return [
        { kind: 'kho-test', nr_folios, csum },
        ...folios.map(({ address, order }) => ({ kind: 'kho-test-folio', address: hex(address), order })),
      ];
    }
    default:
      return [];
  }
}

function luoLines({ compatible, liveupdate_num, sessions, flbs }: LuoValue): Line[] {
  return [
    { kind: 'luo', compatible, liveupdate_num: hex(liveupdate_num ?? 0n) },
    ...sessions.flatMap(({ name, files }): Line[] => [
      { kind: 'session', name },
      ...files.flatMap((file): Line[] => [
        { kind: 'file', compatible: file.compatible, token: hex(file.token), data: hex(file.data) },
        ...(file.memfd === undefined ? [] : memfdLines(file.memfd as MemfdValue)),
      ]),
    ]),
    ...flbs.map(({ name, data, count }) => ({ kind: 'flb', name, data: hex(data), count: hex(count) })),
  ];
}

function memfdLines({ pos, size, seals, flags, nr_folios, folios }: MemfdValue): Line[] {
  const runs = [...folios].map(({ pfn, index, order, flags: of, count, step }) => ({
    start: [pfn, index],
    order,
    flags: of,
    count,
    down: step === -1,
  }));
  return [
    {
      kind: 'memfd',
      pos: hex(pos),
      size: hex(size),
      ...(seals === undefined ? {} : { seals }),
      ...(flags === undefined ? {} : { flags }),
      nr_folios: hex(nr_folios),
    },
    ...merged(runs).map(({ start: [pfn = 0n, index = 0n], order, flags: of, count }) => ({
      kind: 'folios',
      pfn: hex(pfn),
      index: hex(index),
      order,
      flags: of,
      count,
    })),
  ];
}
