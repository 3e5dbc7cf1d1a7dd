/**
 * The one class of errors. An error names a stable code, the path of the value, the byte (and bit) offset,
 * what was expected and what was found, and shows the bytes around it. Its text is an API with goldens.
 */
import type { Code } from './codes.js';

export interface ErrorDetails {
  /** Where in the value: field names and element indices, from the outside in. */
  readonly path?: Path;
  /** Where in the input (or output), in bytes from its start. */
  readonly offset?: number;
  /** The bit within that byte's bit stream, for bit-fields. */
  readonly bit?: number;
  /** How many bytes are concerned; the caret covers them. */
  readonly length?: number;
  readonly expected?: string;
  readonly found?: string;
  /** What led there: where the count, the version or the block came from, from the outside in. */
  readonly because?: readonly string[];
  /** The input; an excerpt of it is kept, not the whole. */
  readonly input?: DataView;
  readonly cause?: unknown;
}
export type Path = readonly (string | number)[];

const BRAND = 'CarryoverError';

export class CarryoverError extends Error {
  override readonly name = BRAND;
  readonly code: string;
  readonly path: Path;
  readonly offset: number | undefined;
  readonly bit: number | undefined;
  readonly expected: string | undefined;
  readonly found: string | undefined;
  /** What led there, from the outside in: `hdr.n at offset 0x4 is 200`. */
  readonly because: readonly string[];
  /** What went wrong, in a sentence, without place and bytes. */
  readonly reason: string;
  /** The bytes around the offset with a caret line, or undefined where there are none. */
  readonly excerpt: string | undefined;

  constructor(code: string, reason: string, details: ErrorDetails = {}) {
    const path = details.path ?? [];
    const excerpt =
      details.input === undefined || details.offset === undefined
        ? undefined
        : excerptOf(details.input, details.offset, details.length ?? 1);
    super(
      messageOf(code, reason, details, excerpt),
      details.cause === undefined ? {} : { cause: details.cause },
    );
    this.code = code;
    this.reason = reason;
    this.path = path;
    this.offset = details.offset;
    this.bit = details.bit;
    this.expected = details.expected;
    this.found = details.found;
    this.because = details.because ?? [];
    this.excerpt = excerpt;
  }

  /** The error as plain data, for JSON. */
  toJSON(): {
    code: string;
    path: string;
    offset?: number;
    bit?: number;
    reason: string;
    expected?: string;
    found?: string;
    because?: readonly string[];
  } {
    return {
      code: this.code,
      path: pathText(this.path),
      ...(this.offset === undefined ? {} : { offset: this.offset }),
      ...(this.bit === undefined ? {} : { bit: this.bit }),
      reason: this.reason,
      ...(this.expected === undefined ? {} : { expected: this.expected }),
      ...(this.found === undefined ? {} : { found: this.found }),
      ...(this.because.length === 0 ? {} : { because: this.because }),
    };
  }
}

/** Whether something thrown is an error of carryover, also one of another copy of the library. */
export function isCarryoverError(error: unknown): error is CarryoverError {
  return error instanceof Error && error.name === BRAND && 'code' in error && 'path' in error;
}

/** Throws an error of the codec. */
export function fail(code: Code, reason: string, details?: ErrorDetails): never {
  throw new CarryoverError(code, reason, details);
}

/** `1 byte`, `2 bytes`. */
export function counted(count: number | bigint, unit: 'byte' | 'element'): string {
  return `${count} ${unit}${count === 1 || count === 1n ? '' : 's'}`;
}

/** `['flows', 0, 'side']` as `flows[0].side`. */
export function pathText(path: Path): string {
  let text = '';
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  return text;
}

/** `flows[0].side` as `['flows', 0, 'side']`. */
export function parsePath(text: string): (string | number)[] {
  const path: (string | number)[] = [];
  const token = /\.?([A-Za-z_$+][^.[\]]*)|\[(\d{1,15})\]/y;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null)
      fail(
        'path-unknown',
        `${JSON.stringify(text)} is not a path: it cannot be read from character ${at + 1} on`,
      );
    path.push(match[2] === undefined ? (match[1] ?? '') : Number(match[2]));
  }
  return path;
}

function messageOf(code: string, reason: string, details: ErrorDetails, excerpt: string | undefined): string {
  const path = pathText(details.path ?? []);
  const lines = [`${path === '' ? '' : `${path}: `}${reason} [${code}]`];
  if (details.offset !== undefined)
    lines.push(
      `  at offset ${hexOffset(details.offset)}${details.bit === undefined ? '' : `, bit ${details.bit}`}`,
    );
  if (details.expected !== undefined) lines.push(`  expected ${details.expected}`);
  if (details.found !== undefined) lines.push(`  found    ${details.found}`);
  for (const line of details.because ?? []) lines.push(`  because  ${line}`);
  if (excerpt !== undefined) lines.push(excerpt);
  return lines.join('\n');
}

/** An offset as people compare it with a hexdump: `0x1c`. */
export function hexOffset(offset: number): string {
  return `0x${offset.toString(16)}`;
}

const ROW = 16;

/** The row of 16 bytes before, the one at and the one after the offset, with carets under the bytes meant. */
function excerptOf(input: DataView, offset: number, length: number): string | undefined {
  if (input.byteLength === 0) return '  (the input is empty)';
  const at = Math.min(Math.max(offset, 0), input.byteLength);
  const row = Math.floor(Math.min(at, input.byteLength - 1) / ROW) * ROW;
  const lines: string[] = [];
  for (let start = Math.max(0, row - ROW); start < Math.min(input.byteLength, row + 2 * ROW); start += ROW) {
    const cells: string[] = [];
    for (let i = start; i < Math.min(start + ROW, input.byteLength); i++)
      cells.push(input.getUint8(i).toString(16).padStart(2, '0'));
    lines.push(
      `  ${start.toString(16).padStart(8, '0')}  ${cells.join(' ')}${start + ROW > input.byteLength ? ' ∎' : ''}`,
    );
    if (start === row) {
      const first = at - row;
      const count = Math.max(1, Math.min(length, ROW - first, Math.max(1, input.byteLength - at)));
      lines.push(`  ${' '.repeat(8)}  ${'   '.repeat(first)}${Array(count).fill('^^').join(' ')}`);
    }
  }
  return lines.join('\n');
}
