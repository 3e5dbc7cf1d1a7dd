/** `carryover ranges`: preserved memory as a table, and as a map of all physical memory. */
import type { Command } from 'commander';
import type { JSONValue } from '../../codec/index.js';
import {
  type HandoverState,
  handoverRanges,
  type MemoryMap,
  memoryMap,
  type OwnedRange,
  sizeText,
} from '../../state/index.js';
import { type Context, EXIT, examples } from '../context.js';
import { type DumpOptions, dumpOptions, openMemory } from '../dump-input.js';
import { writeAll, writeLines } from '../io.js';
import type { Style } from '../style.js';
import { valueText } from '../value-text.js';

interface RangesOptions extends DumpOptions {
  readonly json?: boolean;
}

export function addRanges(program: Command, context: Context): void {
  const command = dumpOptions(
    program.command('ranges').argument('<file...>', 'the dump, or the parts of a split kdump'),
  )
    .summary('list the memory that was handed over, and who owns it')
    .description(
      'Lists the preserved memory of a dump, range by range: addresses, pages, the order of its blocks, and what lies there; with a map of physical memory. Scratch areas are shown where they are known (device tree, --setup-data).',
    )
    .option('--json', 'as JSON');
  examples(command, 'ranges vmcore', 'ranges --json vmcore | jq .ranges[].owners').action(
    async (files: string[], options: RangesOptions) => {
      const state = await openMemory(context, files, options);
      if (options.json === true) await writeAll(context.io, valueText(documentOf(state), plain));
      else await writeLines(context.io, screen(state, context.style(command), context.columns));
      context.done(EXIT.fine);
    },
  );
}

/** The document of `--json`; its ranges are made one by one. */
function documentOf(state: HandoverState): Readonly<Record<string, unknown>> {
  const { page_size: pageSize, preserved, scratch } = state.memory?.handover.value ?? {};
  return {
    page_size: pageSize ?? null,
    pages: String(preserved?.pages ?? 0),
    bytes: String(preserved?.bytes ?? 0),
    ranges: rangesJSON(state),
    ...(scratch === undefined
      ? {}
      : {
          scratch: scratch.map(({ addr, size }) => ({ addr: `0x${addr.toString(16)}`, size: String(size) })),
        }),
  };
}

function* rangesJSON(state: HandoverState): Iterable<JSONValue> {
  for (const { address, end, pages, order, count, owners, ownerCount } of handoverRanges(state))
    yield {
      address: `0x${address.toString(16)}`,
      end: `0x${end.toString(16)}`,
      pages,
      order,
      count,
      owners: [...owners],
      owner_count: ownerCount,
    };
}

/** The document consists of JSON already. */
function plain(value: unknown): JSONValue {
  return value as JSONValue;
}

const MAP_CHARS: Readonly<Record<MemoryMap['cells'][number], string>> = {
  none: ' ',
  present: '·',
  preserved: '█',
  some: '▄',
  scratch: '░',
  overlap: '!',
};

function* screen(state: HandoverState, style: Style, columns: number): Iterable<string> {
  const value = state.memory?.handover.value;
  if (value === undefined) return;
  const { preserved, scratch } = value;
  yield `${style.title('preserved')}: ${preserved.pages} pages, ${sizeText(preserved.bytes)}, in ${preserved.ranges.length} range${preserved.ranges.length === 1 ? '' : 's'}`;
  yield '';
  const map = memoryMap(state, columns - 4);
  yield `  ${map.cells.map((cell) => paint(cell, style)(MAP_CHARS[cell])).join('')}`;
  yield style.dim(`  0 to 0x${map.end.toString(16)}, ${sizeText(map.cellSize)} each: ${legend(map)}`);
  yield '';
  let digits = 8;
  for (const { address } of preserved.ranges) digits = Math.max(digits, address.toString(16).length);
  yield style.dim(
    `${'address'.padEnd(digits)}  ${'end'.padEnd(digits)}  ${'pages'.padStart(8)}  ${'blocks'.padStart(11)}  owner`,
  );
  for (const range of handoverRanges(state)) {
    const { address, end, pages, order, count } = range;
    const start = `${hex(address, digits)}  ${style.dim(hex(end, digits))}  ${String(pages).padStart(8)}  ${`${count} × 2^${order}`.padStart(11)}  `;
    const owner = ownerText(range, columns - 2 * digits - 27);
    yield `${start}${owner === '' ? style.dim('not known') : owner}`;
  }
  if (scratch === undefined) {
    yield '';
    yield style.dim('The list of scratch areas is not in the dump, or nothing says where: --setup-data may.');
    return;
  }
  yield '';
  for (const [i, { addr, size }] of scratch.entries())
    yield `${hex(addr, digits)}  ${style.dim(hex(addr + size, digits))}  scratch[${i}], ${sizeText(size)}`;
}

function paint(cell: MemoryMap['cells'][number], style: Style): (text: string) => string {
  if (cell === 'overlap') return style.severity.error;
  if (cell === 'scratch') return style.severity.warning;
  return cell === 'preserved' || cell === 'some' ? style.good : style.dim;
}

function legend({ cells }: MemoryMap): string {
  const words: readonly (readonly [MemoryMap['cells'][number], string])[] = [
    ['preserved', 'mostly preserved'],
    ['some', 'some preserved'],
    ['scratch', 'scratch'],
    ['overlap', 'preserved twice or in scratch'],
    ['present', 'other memory'],
  ];
  return words
    .filter(([cell]) => cells.includes(cell))
    .map(([cell, word]) => `${MAP_CHARS[cell]} ${word}`)
    .join(', ');
}

/** The last part of the owner's path is what tells it from others. */
function ownerText({ owners, ownerCount }: OwnedRange, room: number): string {
  const [first] = owners;
  if (first === undefined) return '';
  const name = first.replace(/^entries\./, '');
  const more = ownerCount > 1 ? ` and ${ownerCount - 1} more` : '';
  const left = Math.max(12, room - more.length);
  return `${name.length <= left ? name : `…${name.slice(name.length - left + 1)}`}${more}`;
}

function hex(value: bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
