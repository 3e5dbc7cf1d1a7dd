/** In which form an instance is written: a dump in a container, bare bytes, or text that holds the bytes. */
import { toHex } from '../../codec/index.js';
import { type MemoryContents, type WritableContainer, writeMemory } from '../../memory/index.js';
import { joined } from './built-dump.js';
import type { Case, Made, Violation } from './types.js';

export const FORMS = ['elf', 'kdump', 'raw', 'lime', 'bytes', 'c', 'json', 'hex'] as const;
export type Form = (typeof FORMS)[number];

/** The container of memory in a form; memory in text is an ELF core. Undefined for bare bytes. */
export function containerOfForm(form: Form): WritableContainer | undefined {
  if (form === 'bytes') return undefined;
  return form === 'kdump' || form === 'raw' || form === 'lime' ? form : 'elf';
}

const MIB = 1n << 20n;
/** Zeros are written out in raw memory and LiME, and a bit for each page below the last one in a kdump. */
const MOST_WRITTEN = 256n * MIB;
const LAST_OF_KDUMP = 1n << 36n;
const MOST_TEXT = 16 * 1024 * 1024;

/** Why an instance cannot be had in a form; undefined where it can. */
export function whyNot(instance: Case | Violation, made: Made, form: Form): string | undefined {
  if (made.kind === 'bytes') return undefined;
  const container = containerOfForm(form);
  if (container === undefined) return 'it is memory, which takes a container';
  if ('containers' in instance && instance.containers?.includes(container) === false)
    return `it can only be told in ${instance.containers.join(', ')}`;
  const { size, first, end } = extentOf(made.memory);
  const written = container === 'raw' ? end - first : size;
  if ((container === 'raw' || container === 'lime') && written > MOST_WRITTEN)
    return `it would take ${written / MIB} MiB, nearly all of them zeros`;
  if (container === 'kdump' && (end > LAST_OF_KDUMP || size > 16n * MOST_WRITTEN))
    return `it reaches up to 0x${end.toString(16)}, and a kdump has a bit for each page below`;
  return undefined;
}

function extentOf({ segments }: MemoryContents): {
  readonly size: bigint;
  readonly first: bigint;
  readonly end: bigint;
} {
  let size = 0n;
  let end = 0n;
  let first = segments[0]?.address ?? 0n;
  for (const segment of segments) {
    size += segment.size;
    if (segment.address < first) first = segment.address;
    if (segment.address + segment.size > end) end = segment.address + segment.size;
  }
  return { size, first, end };
}

/** Where raw memory begins, which it does not say itself. */
export function rawBase(made: Made): bigint {
  return made.kind === 'bytes' ? 0n : extentOf(made.memory).first;
}

/** The bytes of an instance. In text forms they have to fit into text: undefined for more than 16 MiB. */
export function bytesOf(made: Made, form: Form): Uint8Array | undefined {
  const isText = form === 'c' || form === 'json' || form === 'hex';
  if (made.kind === 'bytes') return isText && made.bytes.length > MOST_TEXT ? undefined : made.bytes;
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (const piece of writeMemory(containerOfForm(form) ?? 'elf', made.memory)) {
    length += piece.length;
    if (isText && length > MOST_TEXT) return undefined;
    // Pieces may be used again for the next.
    pieces.push(piece.slice());
  }
  return joined(pieces);
}

export const ENDINGS: Readonly<Record<Form, string>> = {
  elf: 'elf',
  kdump: 'kdump',
  raw: 'raw',
  lime: 'lime',
  bytes: 'bin',
  c: 'c',
  json: 'json',
  hex: 'hex',
};

const BYTES_IN_LINE = 16;

/** The name of an array in C. */
export function identifierOf(name: string): string {
  return `carryover_${name.replace(/[^A-Za-z0-9]+/g, '_')}`;
}

/** A source file with one array. */
export function cSource(name: string, covers: string, bytes: Uint8Array): string {
  const lines = [`/* ${covers.replaceAll('*/', '* /')} */`, '#include "fixtures.h"', ''];
  lines.push(`const unsigned char ${identifierOf(name)}[${bytes.length}] = {`);
  for (let at = 0; at < bytes.length; at += BYTES_IN_LINE) {
    let line = '\t';
    for (const byte of bytes.subarray(at, at + BYTES_IN_LINE)) line += `${byte},`;
    lines.push(line);
  }
  lines.push('};', '');
  return lines.join('\n');
}

/** The header that declares all arrays, and a table of them. */
export function cHeader(instances: readonly { readonly name: string; readonly size: number }[]): string {
  const lines = [
    '#ifndef CARRYOVER_FIXTURES_H',
    '#define CARRYOVER_FIXTURES_H',
    '',
    '#include <stddef.h>',
    '',
  ];
  for (const { name, size } of instances)
    lines.push(`extern const unsigned char ${identifierOf(name)}[${size}];`);
  lines.push('', '/* X(name, array, size) for each of them. */', '#define CARRYOVER_FIXTURES(X) \\');
  for (const { name, size } of instances)
    lines.push(`\tX("${name}", ${identifierOf(name)}, (size_t)${size}) \\`);
  lines.push('', '#endif', '');
  return lines.join('\n');
}

/** Lines of 32 bytes in hexadecimal. */
export function hexText(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 32) lines.push(toHex(bytes.subarray(at, at + 32)));
  return `${lines.join('\n')}\n`;
}
