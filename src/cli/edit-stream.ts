/** Writing an edited stream, or showing what would change in it. */
import type { Command } from 'commander';
import { pathText } from '../codec/index.js';
import { byteRanges, open, type State } from '../state/index.js';
import { type Context, UsageError, writeBytes } from './context.js';
import type { WriteOptions } from './edit-dump.js';
import { bytesRows } from './edit-text.js';
import { writeLines } from './io.js';

/** Fields that are shown. */
const MAX_SHOWN = 200;

/** Shows or writes the bytes that an edit of a stream gave. */
export async function writeStream(
  context: Context,
  command: Command,
  file: string,
  options: WriteOptions,
  state: State,
  bytes: Uint8Array,
): Promise<void> {
  const { inPlace = false, dryRun = false, output } = options;
  if (inPlace && state.gzip)
    throw new UsageError('a gzip file cannot be changed in place; write a copy with -o');
  if (dryRun) await writeLines(context.io, preview(context, command, state, bytes));
  else await writeBytes(context, inPlace ? file : (output ?? '-'), bytes, inPlace);
}

interface Shown {
  readonly offset: number;
  readonly text: string;
  readonly bytes: Uint8Array;
}

function* preview(context: Context, command: Command, before: State, bytes: Uint8Array): Iterable<string> {
  const style = context.style(command);
  const { reading, format } = before;
  const after = open(bytes, {
    as: `${reading.format}@${reading.generation}`,
    abi: reading.abi,
    formats: [format],
  });
  const old = fieldsOf(before);
  const fresh = fieldsOf(after);
  let count = 0;
  for (const path of new Set([...old.keys(), ...fresh.keys()])) {
    const was = old.get(path);
    const is = fresh.get(path);
    if (was?.text === is?.text && sameBytes(was?.bytes, is?.bytes)) continue;
    if (++count > MAX_SHOWN) continue;
    const place = was ?? is;
    yield `${style.name(path)}  ${style.dim(`at offset 0x${(place?.offset ?? 0).toString(16)}`)}`;
    yield `  ${was?.text ?? style.dim('nothing')} → ${is?.text ?? style.dim('nothing')}`;
    yield* bytesRows(was?.bytes ?? new Uint8Array(), is?.bytes ?? new Uint8Array(), style);
  }
  if (count > MAX_SHOWN) yield style.dim(`… ${count - MAX_SHOWN} more`);
  if (count > 0) yield '';
  const fields = count === 1 ? '1 field changes' : `${count} fields change`;
  const moved =
    before.bytes.length === bytes.length ? '' : `; ${before.bytes.length} bytes become ${bytes.length}`;
  yield count === 0 ? 'nothing changes' : `${fields}${moved}`;
}

function fieldsOf(state: State): ReadonlyMap<string, Shown> {
  const fields = new Map<string, Shown>();
  for (const { kind, path, offset, size, text } of byteRanges(state))
    fields.set(
      [...(path.length === 0 ? [] : [pathText(path)]), ...(kind === 'field' ? [] : [`(${kind})`])].join(' '),
      {
        offset,
        text,
        bytes: state.bytes.subarray(offset, offset + size),
      },
    );
  return fields;
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
